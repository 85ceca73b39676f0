// What a role may do, for what is offered on the screen. The server decides; a button that it would refuse is not shown. Pure.

import type { Role } from "@confab/sdk";

const order: readonly Role[] = ["viewer", "member", "moderator", "host"];

export function atLeast(role: Role | undefined, wanted: Role): boolean {
  return role !== undefined && order.indexOf(role) >= order.indexOf(wanted);
}

/** Moderators keep order among people of their role and below. */
export function mayMute(own: Role | undefined, other: Role): boolean {
  return atLeast(own, "moderator") && atLeast(own, other);
}

/** Seats and roles are taken below one's own; a host may do it to hosts too. */
export function mayRemove(own: Role | undefined, other: Role): boolean {
  return own === "host" || (atLeast(own, "moderator") && !atLeast(other, own ?? "host"));
}

/** The roles that one may give: up to one's own. */
export function givable(own: Role | undefined): Role[] {
  return atLeast(own, "moderator") ? order.filter((r) => atLeast(own, r)) : [];
}
