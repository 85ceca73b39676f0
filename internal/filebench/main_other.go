//go:build !linux

package main

import "log"

func main() { log.Fatal("filebench needs Linux: it makes network namespaces") }
