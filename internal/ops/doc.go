// Package ops serves what operators and their machines ask a process: is it alive, is it ready, what does it count, what is it doing.
//
//	/healthz       200 while the process runs
//	/readyz        200 when new people may come, else 503 and why: starting, draining
//	/metrics       Prometheus text format
//	/debug/pprof/  profiles (go tool pprof)
//
// It has a listener of its own, by default on loopback: profiles and metrics are not for everyone who may join a call.
package ops
