// Package control is the verbs: who may, is it right, what would it mean, and then the intent, the
// audit row and the event in one transaction. What takes longer than that is left to operations.
//
// Every method takes the viewer from its context (access.With) and answers Unauthorized without one,
// NotFound for a thing that the viewer may not know of, Denied for one that he may see but not touch.
// Inputs are checked here, whoever calls: the first wrong field is named in the fault.
package control

import (
	"github.com/novacron/novacron/internal/fault"
)

// Control is the one door through which anything is changed.
type Control struct{}

func unbuilt() error { return fault.New(fault.Unsupported, "this is not built yet") }
