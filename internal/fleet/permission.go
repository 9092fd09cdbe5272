package fleet

import (
	"fmt"
	"maps"
	"slices"
)

// Permission is what somebody may be allowed to do: a field of the API's root, by its name.
type Permission string

// least are all permissions, with the least role that has each. What is not here nobody may do.
var least = map[Permission]Role{
	"about": RoleViewer, "viewer": RoleViewer, "node": RoleViewer, "eventCursor": RoleViewer, "heartbeat": RoleViewer,
	"vms": RoleViewer, "vm": RoleViewer, "vmEvents": RoleViewer, "planUpdateVM": RoleViewer, "planBulkVMs": RoleViewer,
	"providers": RoleViewer, "provider": RoleViewer, "providerEvents": RoleViewer, "hypervisorHosts": RoleViewer, "hypervisorHost": RoleViewer,
	"images": RoleViewer, "image": RoleViewer, "imageCatalog": RoleViewer,
	"operations": RoleViewer, "operation": RoleViewer, "operationEvents": RoleViewer,

	"createAPIToken": RoleViewer, "revokeAPIToken": RoleViewer, "endSessions": RoleViewer, "switchOrganisation": RoleViewer,

	"quota": RoleViewer,

	"createVM": RoleOperator, "updateVM": RoleOperator, "deleteVM": RoleOperator, "bulkVMs": RoleOperator,
	"startVM": RoleOperator, "shutdownVM": RoleOperator, "powerOffVM": RoleOperator, "rebootVM": RoleOperator, "resetVM": RoleOperator,
	"pauseVM": RoleOperator, "resumeVM": RoleOperator, "suspendVM": RoleOperator,
	"adoptVM": RoleOperator, "releaseVM": RoleOperator, "openConsole": RoleOperator,
	"attachDisk": RoleOperator, "detachDisk": RoleOperator, "attachNIC": RoleOperator, "detachNIC": RoleOperator,
	"createSnapshot": RoleOperator, "restoreSnapshot": RoleOperator, "deleteSnapshot": RoleOperator,
	"importImage": RoleOperator, "uploadImage": RoleOperator, "registerImage": RoleOperator, "deleteImage": RoleOperator,
	"cancelOperation": RoleOperator, "retryOperation": RoleOperator, "abandonOperation": RoleOperator,
	"refreshProvider": RoleOperator,

	"testProvider": RoleAdmin, "testProviderChange": RoleAdmin, "addProvider": RoleAdmin, "updateProvider": RoleAdmin, "removeProvider": RoleAdmin,
	"auditLog": RoleAdmin, "policies": RoleAdmin, "housePolicies": RoleViewer, "whatMay": RoleAdmin, "addPolicy": RoleOwner, "updatePolicy": RoleOwner, "removePolicy": RoleOwner,
	"organisations": RolePlatform, "addOrganisation": RolePlatform, "setQuota": RolePlatform,
	"people": RoleAdmin, "addPerson": RoleAdmin, "grantRole": RoleAdmin, "revokeRole": RoleAdmin, "setPersonActive": RoleAdmin, "resetPassword": RoleAdmin,
}

// Permissions are all of them, by name.
func Permissions() []Permission { return slices.Sorted(maps.Keys(least)) }

// Least is the least role that has the permission; empty when nobody has it.
func (p Permission) Least() Role { return least[p] }

// Of says whether somebody of that role has the permission, and whom to ask if not.
func (p Permission) Of(role Role) Action {
	if role.Includes(p.Least()) {
		return Action{Name: string(p), Allowed: true}
	}
	if p.Least() == RolePlatform {
		return Action{Name: string(p), Reason: "Only those who look after this installation may do this", Remedy: "Ask one of them."}
	}
	return Action{Name: string(p), Reason: fmt.Sprintf("Your role %s may not do this", role), Remedy: fmt.Sprintf("Ask an administrator for the role %s.", p.Least())}
}
