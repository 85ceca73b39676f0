// Package plan decides what a receiver asks whom for next.
//
//	Board    which ranges of which blocks are wanted, asked for and here, and who may bring them
//	Window   how much may be asked of one lane and not be here yet
//	Lanes    how many lanes are worth having
//
// The receiver drives a transfer: what it has asked for is its window, and its next request is the acknowledgement of the last answer.
// The board spreads receivers of one content over it in stripes, so that the sender sends each block about once and the receivers pass them
// on to each other.
//
// The package is pure: time is an argument.
package plan
