package fleet

import (
	"slices"
)

// OperationStatuses that the engine still has to do with, or somebody else: see operations_one_active.
var activeOperations = []OperationStatus{OperationQueued, OperationRunning, OperationWaiting, OperationUndoing, OperationStuck}

// ActiveOperationStatuses are those of an operation that nobody may build on yet. STUCK is one.
func ActiveOperationStatuses() []OperationStatus { return slices.Clone(activeOperations) }

// PastReturn reports whether a step that cannot be taken back has begun: a cancel would change nothing.
func (o *Operation) PastReturn() bool {
	return slices.ContainsFunc(o.Steps, func(s Step) bool { return s.Point && s.Status != StepPending })
}

// Actions says what somebody may do with the operation now.
func (o *Operation) Actions(may May) []Action {
	return []Action{o.Action("cancel", may), o.Action("retry", may), o.Action("abandon", may)}
}

// Action says whether somebody may do one thing with the operation now.
func (o *Operation) Action(name string, may May) Action {
	no := func(reason, remedy string) Action { return Action{Name: name, Reason: reason, Remedy: remedy} }
	if refused := may(Permission(name + "Operation")); !refused.Allowed {
		return no(refused.Reason, refused.Remedy)
	}
	switch {
	case o.Status.Ended():
		return no("It has ended", "")
	case name == "cancel" && o.Status == OperationStuck:
		return no("It has stopped, and what it did could not be undone", "Mend the cause and retry, or abandon it.")
	case name == "cancel" && o.Status == OperationUndoing:
		return no("What it did is being undone already", "")
	case name == "cancel" && o.CancelRequested:
		return no("It has been asked to stop already", "")
	case name == "cancel" && o.PastReturn():
		return no("It has come to a step that cannot be taken back", "Wait for it to end.")
	case name != "cancel" && o.Status != OperationStuck:
		return no("It is not stuck", "")
	}
	return Action{Name: name, Allowed: true}
}
