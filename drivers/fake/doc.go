// Package fake is a hypervisor in memory: the reference implementation of the driver contract, what
// `novacron demo` shows and what tests run against. It is a product, not a mock: it has every
// capability, its work takes time and is polled, its guests boot, use CPU and crash.
//
// A World holds the hosts, each behind the name that Config.Host gives: closing a connection and
// opening it again finds the same VMs. What a host has at first is made from a seed, so two worlds of
// one seed are alike to the last MAC address. A host's name may say how many VMs it has: "lab-vms-2500".
//
// # It fails by name
//
// A VM whose name has one of these fragments misbehaves. FATE-VERB, with these fates:
//
//	fail-VERB        the work begins and fails half-way (Exhausted where it would need memory or
//	                 space, Deadline for stop, Conflict otherwise); what it did is undone
//	deny-VERB        the call is refused at once (Denied); nothing happens
//	flaky-VERB       the first call answers Unavailable and does nothing; the next ones work
//	lose-reply-VERB  the first call does its work, but answers Unavailable
//	slow-VERB        twenty times as long as usual
//	hang-VERB        the work comes to its middle and never ends (a call that is no task: no answer
//	                 before its context ends); POWER_OFF and Delete break it off
//
// and these verbs:
//
//	create start stop off reboot reset pause resume suspend delete get
//	resize attach detach snapshot restore drop-snapshot console
//
// where stop is SHUTDOWN and off is POWER_OFF; a volume's name is asked about upload. So "web-fail-start" is created but does not start, and
// "db-lose-reply-create" is there although its creation answered with an error. Then there are habits:
//
//	crash-running    crashes some seconds after each start (ERROR, "crashed")
//	halt-running     switches itself off some seconds after each start
//	vanish-running   disappears some seconds after each start, as if somebody had deleted it elsewhere
//	busy-running     uses all of its CPU
//	unreadable       is listed and read with its Problem set and nothing but ref, name and state
//	no-agent         has no guest agent: only its lease is known
//	no-console       its consoles cannot be reached (Unsupported)
//
// A host is told by its name too:
//
//	down             cannot be connected to (Unavailable)
//	wrong-password   refuses the credentials (Unauthorized)
//	wrong-cert       shows a certificate of another authority (Invalid, field secrets.caCert)
//	hang-open        does not answer while connecting, until the context ends
//	hang-ping        connects, and does not answer pings
//	slow-host        takes half a second longer for every call
//	flaky-host       answers every tenth call with Unavailable
//	half-list        breaks off early in every list (Unavailable, at its end)
//	lose-watch       loses the connection of Watch every few seconds
//
// World.SetDown takes any host down and up again while it is in use.
package fake
