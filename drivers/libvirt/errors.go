package libvirt

import (
	"context"
	"errors"
	"regexp"
	"strings"

	"libvirt.org/go/libvirt"

	"github.com/novacron/novacron/internal/fault"
)

// verdict is what a libvirt error number means to us.
type verdict struct {
	name    string // libvirt's own: VIR_ERR_…
	kind    fault.Kind
	message string
	remedy  string
}

// verdicts has every number that a QEMU host answers with. Others are Internal.
var verdicts = map[libvirt.ErrorNumber]verdict{
	libvirt.ERR_NO_DOMAIN:               {"VIR_ERR_NO_DOMAIN", fault.NotFound, "the host has no such VM", "It may have been deleted on the host."},
	libvirt.ERR_NO_NETWORK:              {"VIR_ERR_NO_NETWORK", fault.NotFound, "the host has no such network", "Choose one of the host's networks."},
	libvirt.ERR_NO_STORAGE_POOL:         {"VIR_ERR_NO_STORAGE_POOL", fault.NotFound, "the host has no such storage pool", "Choose one of the host's pools."},
	libvirt.ERR_NO_STORAGE_VOL:          {"VIR_ERR_NO_STORAGE_VOL", fault.NotFound, "the host has no such volume", "It may have been deleted on the host."},
	libvirt.ERR_NO_DOMAIN_SNAPSHOT:      {"VIR_ERR_NO_DOMAIN_SNAPSHOT", fault.NotFound, "the VM has no such snapshot", "It may have been deleted on the host."},
	libvirt.ERR_NO_DOMAIN_METADATA:      {"VIR_ERR_NO_DOMAIN_METADATA", fault.NotFound, "the VM has no such metadata", ""},
	libvirt.ERR_NO_DOMAIN_CHECKPOINT:    {"VIR_ERR_NO_DOMAIN_CHECKPOINT", fault.NotFound, "the VM has no such checkpoint", ""},
	libvirt.ERR_NO_INTERFACE:            {"VIR_ERR_NO_INTERFACE", fault.NotFound, "the host has no such network device", ""},
	libvirt.ERR_NO_NWFILTER:             {"VIR_ERR_NO_NWFILTER", fault.NotFound, "the host has no such network filter", ""},
	libvirt.ERR_NO_SECRET:               {"VIR_ERR_NO_SECRET", fault.NotFound, "the host has no such secret", ""},
	libvirt.ERR_NO_NODE_DEVICE:          {"VIR_ERR_NO_NODE_DEVICE", fault.NotFound, "the host has no such device", ""},
	libvirt.ERR_DEVICE_MISSING:          {"VIR_ERR_DEVICE_MISSING", fault.NotFound, "the VM has no such device", ""},
	libvirt.ERR_DOM_EXIST:               {"VIR_ERR_DOM_EXIST", fault.Exists, "the host has a VM of this name already", "Choose another name."},
	libvirt.ERR_STORAGE_VOL_EXIST:       {"VIR_ERR_STORAGE_VOL_EXIST", fault.Exists, "the pool has a volume of this name already", "Choose another name."},
	libvirt.ERR_NETWORK_EXIST:           {"VIR_ERR_NETWORK_EXIST", fault.Exists, "the host has a network of this name already", "Choose another name."},
	libvirt.ERR_OPERATION_INVALID:       {"VIR_ERR_OPERATION_INVALID", fault.Conflict, "the state it is in does not allow this", "Look at the VM's state again."},
	libvirt.ERR_RESOURCE_BUSY:           {"VIR_ERR_RESOURCE_BUSY", fault.Conflict, "something else is using it", "Wait until that is done."},
	libvirt.ERR_OPERATION_TIMEOUT:       {"VIR_ERR_OPERATION_TIMEOUT", fault.Conflict, "the VM is busy with another job, or does not answer", "Wait until the job is done; if the VM hangs, force it off."},
	libvirt.ERR_OPERATION_ABORTED:       {"VIR_ERR_OPERATION_ABORTED", fault.Canceled, "the job was ended on the host", ""},
	libvirt.ERR_SNAPSHOT_REVERT_RISKY:   {"VIR_ERR_SNAPSHOT_REVERT_RISKY", fault.Conflict, "restoring could lose the VM's present definition", ""},
	libvirt.ERR_BLOCK_COPY_ACTIVE:       {"VIR_ERR_BLOCK_COPY_ACTIVE", fault.Conflict, "a disk of the VM is being copied", "Wait until that is done."},
	libvirt.ERR_AGENT_UNRESPONSIVE:      {"VIR_ERR_AGENT_UNRESPONSIVE", fault.Conflict, "the guest agent does not answer", "Install or start qemu-guest-agent in the guest."},
	libvirt.ERR_AGENT_UNSYNCED:          {"VIR_ERR_AGENT_UNSYNCED", fault.Conflict, "the guest agent does not answer in step", "Restart qemu-guest-agent in the guest."},
	libvirt.ERR_AGENT_COMMAND_TIMEOUT:   {"VIR_ERR_AGENT_COMMAND_TIMEOUT", fault.Conflict, "the guest agent did not answer in time", ""},
	libvirt.ERR_AGENT_COMMAND_FAILED:    {"VIR_ERR_AGENT_COMMAND_FAILED", fault.Conflict, "the guest agent refused", ""},
	libvirt.ERR_MIGRATE_UNSAFE:          {"VIR_ERR_MIGRATE_UNSAFE", fault.Conflict, "libvirt holds this migration to be unsafe", ""},
	libvirt.ERR_CPU_INCOMPATIBLE:        {"VIR_ERR_CPU_INCOMPATIBLE", fault.Conflict, "the host's CPU lacks what the VM needs", ""},
	libvirt.ERR_OPERATION_DENIED:        {"VIR_ERR_OPERATION_DENIED", fault.Denied, "the host does not let us", "Give our user the right to manage VMs there."},
	libvirt.ERR_ACCESS_DENIED:           {"VIR_ERR_ACCESS_DENIED", fault.Denied, "the host does not let us", "Give our user the right to manage VMs there."},
	libvirt.ERR_AUTH_FAILED:             {"VIR_ERR_AUTH_FAILED", fault.Denied, "the host does not accept our credentials", "Check the connection's credentials."},
	libvirt.ERR_AUTH_CANCELLED:          {"VIR_ERR_AUTH_CANCELLED", fault.Denied, "the host wants a kind of sign-in that we cannot give", "Use TLS or SSH without a further password."},
	libvirt.ERR_AUTH_UNAVAILABLE:        {"VIR_ERR_AUTH_UNAVAILABLE", fault.Denied, "the host wants a kind of sign-in that we cannot give", "Use TLS or SSH without a further password."},
	libvirt.ERR_INVALID_ARG:             {"VIR_ERR_INVALID_ARG", fault.Invalid, "the host does not accept a value", ""},
	libvirt.ERR_XML_ERROR:               {"VIR_ERR_XML_ERROR", fault.Invalid, "the host does not accept a value", ""},
	libvirt.ERR_XML_DETAIL:              {"VIR_ERR_XML_DETAIL", fault.Invalid, "the host does not accept a value", ""},
	libvirt.ERR_XML_INVALID_SCHEMA:      {"VIR_ERR_XML_INVALID_SCHEMA", fault.Invalid, "the host does not accept a value", ""},
	libvirt.ERR_INVALID_MAC:             {"VIR_ERR_INVALID_MAC", fault.Invalid, "that is not a MAC address", ""},
	libvirt.ERR_OVERFLOW:                {"VIR_ERR_OVERFLOW", fault.Invalid, "a number is too large for the host", ""},
	libvirt.ERR_STORAGE_PROBE_FAILED:    {"VIR_ERR_STORAGE_PROBE_FAILED", fault.Invalid, "the host does not recognise the file's format", ""},
	libvirt.ERR_NO_SUPPORT:              {"VIR_ERR_NO_SUPPORT", fault.Unsupported, "this host's libvirt cannot do it", "A newer libvirt may."},
	libvirt.ERR_OPERATION_UNSUPPORTED:   {"VIR_ERR_OPERATION_UNSUPPORTED", fault.Unsupported, "this host cannot do it", ""},
	libvirt.ERR_CONFIG_UNSUPPORTED:      {"VIR_ERR_CONFIG_UNSUPPORTED", fault.Unsupported, "this host cannot run such a VM", ""},
	libvirt.ERR_ARGUMENT_UNSUPPORTED:    {"VIR_ERR_ARGUMENT_UNSUPPORTED", fault.Unsupported, "this host cannot do it", ""},
	libvirt.ERR_NO_MEMORY:               {"VIR_ERR_NO_MEMORY", fault.Exhausted, "the host is out of memory", "Stop some VMs."},
	libvirt.ERR_NO_CONNECT:              {"VIR_ERR_NO_CONNECT", fault.Unavailable, "the host's libvirt cannot be reached", ""},
	libvirt.ERR_INVALID_CONN:            {"VIR_ERR_INVALID_CONN", fault.Unavailable, "the connection with the host is lost", ""},
	libvirt.ERR_RPC:                     {"VIR_ERR_RPC", fault.Unavailable, "the conversation with the host's libvirt broke off", ""},
	libvirt.ERR_NO_CLIENT:               {"VIR_ERR_NO_CLIENT", fault.Unavailable, "the connection with the host is lost", ""},
	libvirt.ERR_NO_SERVER:               {"VIR_ERR_NO_SERVER", fault.Unavailable, "the host's libvirt is not there", ""},
	libvirt.ERR_SYSTEM_ERROR:            {"VIR_ERR_SYSTEM_ERROR", fault.Internal, "the host's operating system refused", ""},
	libvirt.ERR_INTERNAL_ERROR:          {"VIR_ERR_INTERNAL_ERROR", fault.Internal, "the host's libvirt could not do it", ""},
	libvirt.ERR_OPERATION_FAILED:        {"VIR_ERR_OPERATION_FAILED", fault.Internal, "the host could not do it", ""},
	libvirt.ERR_HOOK_SCRIPT_FAILED:      {"VIR_ERR_HOOK_SCRIPT_FAILED", fault.Conflict, "a hook script of the host refused", "Look into /etc/libvirt/hooks on the host."},
	libvirt.ERR_CHECKPOINT_INCONSISTENT: {"VIR_ERR_CHECKPOINT_INCONSISTENT", fault.Conflict, "a checkpoint is broken", ""},
}

// texts are for the numbers that say nothing: libvirt answers "internal error" and "system error"
// for causes that a user can well act on.
var texts = []struct {
	has     string
	kind    fault.Kind
	message string
	remedy  string
}{
	{"No space left on device", fault.Exhausted, "the host's disk is full", "Free space in the pool or use another one."},
	{"Disk quota exceeded", fault.Exhausted, "the host's disk quota is used up", "Free space in the pool or use another one."},
	{"cannot set up guest memory", fault.Exhausted, "the host has not enough memory", "Stop some VMs or give this one less memory."},
	{"annot allocate memory", fault.Exhausted, "the host has not enough memory", "Stop some VMs or give this one less memory."},
	{"Failed to get \"write\" lock", fault.Conflict, "a disk is in use by another VM", "Stop the other VM or detach the disk there."},
	{"Failed to get shared \"write\" lock", fault.Conflict, "a disk is in use by another VM", "Stop the other VM or detach the disk there."},
	{"Could not access KVM kernel module", fault.Unsupported, "the host cannot run this VM with KVM", "Use the accelerator QEMU, or enable virtualisation in the host's firmware."},
	{"failed to initialize kvm", fault.Unsupported, "the host cannot run this VM with KVM", "Use the accelerator QEMU, or enable virtualisation in the host's firmware."},
	{"already exists with uuid", fault.Exists, "the host has a VM of this name", "Choose another name."},
	{"Cannot get interface MTU", fault.Invalid, "the host has no such bridge", "Choose a bridge or a network that the host has."},
	{"Unable to add port", fault.Invalid, "the host cannot plug a NIC into this bridge", "Choose a bridge or a network that the host has."},
	{"unplug", fault.Conflict, "the guest does not let go of the device", "Stop using it in the guest and try again, or shut the VM down first."},
	{"No such file or directory", fault.Conflict, "a file of the VM is missing on the host", "Put it back, or detach the disk."},
	{"Permission denied", fault.Conflict, "the host's QEMU may not open a file of the VM", "Check the file's owner, its folders' rights and the host's AppArmor or SELinux."},
	{"End of file while reading data", fault.Unavailable, "the connection with the host is lost", ""},
	{"client socket is closed", fault.Unavailable, "the connection with the host is lost", ""},
	{"connection closed due to keepalive", fault.Unavailable, "the host has gone silent", ""},
}

// classify turns an error of libvirt into one of ours. One of ours passes as it is.
func classify(err error) error {
	if err == nil {
		return nil
	}
	var f *fault.Error
	if errors.As(err, &f) {
		return err
	}
	var e libvirt.Error
	if !errors.As(err, &e) {
		return fault.Of(err)
	}
	v, known := verdicts[e.Code]
	if !known {
		v = verdict{e.Code.Error(), fault.Internal, "the host's libvirt could not do it", ""}
	}
	if !known || v.kind == fault.Internal {
		for _, t := range texts {
			if strings.Contains(e.Message, t.has) {
				v.kind, v.message, v.remedy = t.kind, t.message, t.remedy
				break
			}
		}
	}
	return &fault.Error{Kind: v.kind, Message: v.message, Remedy: v.remedy,
		Provider: provider, ProviderCode: v.name, ProviderText: clean(e.Message)}
}

const provider = "LIBVIRT"

// is tells whether err is libvirt's with one of these numbers, classified or not.
func is(err error, codes ...libvirt.ErrorNumber) bool {
	var e libvirt.Error
	raw := errors.As(err, &e)
	var f *fault.Error
	ours := errors.As(err, &f)
	for _, c := range codes {
		if raw && e.Code == c || ours && f.ProviderCode != "" && f.ProviderCode == verdicts[c].name {
			return true
		}
	}
	return false
}

// ourPath is what nobody needs to see: the private sockets of this process.
var ourPath = regexp.MustCompile(`'?[^\s']*` + socketPrefix + `[^\s']*'?`)

// clean makes libvirt's text fit to be shown: one line, no path of ours.
func clean(s string) string {
	s = ourPath.ReplaceAllString(s, "the host")
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.TrimSpace(s))
	if len(s) > 1000 {
		s = strings.ToValidUTF8(s[:1000], "") + "…"
	}
	return s
}

// lost is the error of a call whose session ended under it.
func lost(err error) error {
	e := fault.New(fault.Unavailable, "the connection with the host broke off").With("It is tried again by itself.").Because(err)
	e.Provider = provider
	return e
}

// waited is the error of a call that ctx ended.
func waited(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return fault.New(fault.Canceled, "canceled").Because(ctx.Err())
	}
	e := fault.New(fault.Deadline, "the host's libvirt did not answer in time").With("It is tried again by itself.").Because(ctx.Err())
	e.Provider = provider
	return e
}
