// Package api runs the scenarios of this folder (*.txtar) against the real server: its own process, a
// real Postgres, simulated hosts or real ones, in which guests are asked what became of them. A scenario reads like
// what somebody does:
//
//	as admin
//	gql create.graphql name=web provider=$FAKE
//	get OP .createVM.operation.id
//	await $OP
//	restart kill
//	is .vm.status RUNNING
//
// # Commands
//
//	as WHO                        admin, operator, viewer, nobody, other (another organisation's
//	                              administrator), or a token
//	sign-in NAME                  with a new password, as a browser does: a cookie from then on
//	gql QUERY [NAME=VALUE...]     QUERY is a file of the scenario or, with a brace in it, the query itself;
//	                              VALUE is JSON if it can be, else text; NAME=@FILE takes JSON from a file,
//	                              NAME=<FILE the file's text.
//	                              Fails when the answer has errors; `! gql` when it has none
//	get VAR PATH                  keep a value of the last answer: `.vms.edges[0].node.id`, `.errors[0].message`
//	is PATH VALUE                 compare one; `! is` for not; VALUE null, or `*N` for a list of N
//	has PATH REGEXP               match one
//	more PATH NUMBER              one is greater; `! more` for not greater
//	refused CODE [FIELD]          the last answer's first error has this code, field, and a remedy
//	bad MUTATION INPUT FIELD CHANGE [CODE]
//	                              INPUT (a JSON file) with CHANGE (JSON) laid over it is refused for this
//	                              field; 64kB in CHANGE stands for that many letters
//	until TIME PATH VALUE QUERY…  ask again until it is so
//	await OPERATION [STATUS]      until the operation has ended, as SUCCEEDED unless another is given
//	do MUTATION [FIELD=VALUE...]  ask for an operation and await it; `get ID .operation.target.id` has what it made
//	subscribe NAME QUERY …        open a subscription (graphql-transport-ws); `sse` for an event stream
//	event NAME TIME PATH VALUE    take its events until one has that value; `get` then reads that one
//	ended NAME TIME               the server ends the subscription within that time
//	console PATH TYPED REGEXP     what comes back of a console matches
//	http STATUS METHOD PATH [BODY] [HEADER:VALUE...]
//	down [kill], up               stop the server (TERM, or kill -9), start it again
//	restart [kill]                both
//	novacron ARG...               the command itself
//
// QUERY may also be a file of queries/, which several scenarios share.
//
// At real hosts; scenarios that need them begin with `[!hosts] skip`:
//
//	virsh HOST ARG...             what somebody does behind our back
//	host HOST VERB                freeze, thaw, kill9, daemon, linkdown, linkup, poweroff, poweron, see e2e/hosts;
//	                              at the scenario's end the host is well again
//	guest VM COMMAND [REGEXP]     type a shell command into the VM's serial console, through the API, as often as it
//	                              takes until the guest answers, and what it prints matches: `.guest` of the answer
//
// Scenarios run at the same time and share the hosts. Their VMs and images have names of their own, they look at no
// others, and only one of them, real_hosts, uses hostb, which it breaks in many ways.
//
// When a server ends, its log and what people may look at in its database are searched for secrets; see secrets_test.go.
//
// # Settings
//
//	NOVACRON_TEST_DATABASE_URL  a Postgres whose user may create databases; default: a private one
//	NOVACRON_TEST_REDIS_URL     a Redis; default: none
//	NOVACRON_TEST_BINARY        the server; default: built here
//	NOVACRON_TEST_TINY_IMAGE    NovaCron Tiny, made by scripts/tiny-image; real guests need it
//	NOVACRON_TEST_HOSTS         state folder of e2e/hosts/hosts.sh; default: no real hosts
package api
