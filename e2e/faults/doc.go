// Package faults breaks NovaCron on purpose: real libvirt hosts, a PostgreSQL and a Redis of its own with a
// cuttable wire before each, replicas that are killed, frozen and drained. What clients saw is recorded, and after
// each fault a checker compares what NovaCron says with what the hosts really have.
//
// It is slow, so the tests skip unless NOVACRON_TEST_FAULTS is set; they need NOVACRON_TEST_HOSTS, NOVACRON_TEST_IMAGE and
// NOVACRON_TEST_BINARY too, which scripts/test describes. At the end they print a table of promises and figures:
//
//	go test ./e2e/faults -v -count=1 -timeout 60m -run Takeover
package faults
