import assert from "node:assert/strict";
import { test } from "node:test";
import { serverConfiguration } from "../src/ice.js";

const iceServers: RTCIceServer[] = [
  { urls: "stun:203.0.113.1:3478" },
  {
    urls: ["turn:203.0.113.1:3478?transport=udp", "turn:203.0.113.1:3478", "turn:203.0.113.1:443?transport=tcp", "turns:confab.example:443?transport=tcp"],
    username: "u",
    credential: "c",
  },
];

test("to the SFU, nothing goes by way of STUN or TURN over UDP, which share its port", () => {
  const c = serverConfiguration({ iceServers, iceTransportPolicy: "all" });
  assert.deepEqual(c.iceServers, [
    { urls: ["turn:203.0.113.1:443?transport=tcp", "turns:confab.example:443?transport=tcp"], username: "u", credential: "c" },
  ]);
});

test("relayed only, every relay stays", () => {
  const c: RTCConfiguration = { iceServers, iceTransportPolicy: "relay" };
  assert.equal(serverConfiguration(c), c);
});
