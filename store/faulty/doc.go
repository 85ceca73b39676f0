// Package faulty puts any store in trouble, for tests of what is above it: it stalls, fails before or after it has done what it was told, is full, and
// tells watchers twice or too much.
//
// Trouble is switched on and off by hand (Stall, Full), given to the next calls of one method (Next), or drawn by a seeded chance
// (Chance), so that a schedule can be run again. It uses no clock of its own and works in virtual time. A failure is always one that the
// contract of package store allows: what is above has to live with it.
package faulty
