// Package faults breaks NovaCron on purpose: real libvirt hosts, a PostgreSQL and a Redis of its own with a
// cuttable wire before each, replicas that are killed, frozen and drained. What clients saw is recorded, and after
// each fault a checker compares what NovaCron says with what the hosts really have.
//
// `make faults` prepares all of it, runs every scenario and prints the table that docs/reliability.md shows. One
// scenario alone: `make faults only=HostKilled`. Without NOVACRON_TEST_FAULTS the tests skip.
package faults
