package main

import "testing"

func TestThePageIsFresh(t *testing.T) {
	if err := run(true); err != nil {
		t.Fatal(err)
	}
}
