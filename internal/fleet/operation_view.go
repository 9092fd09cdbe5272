package fleet

import "time"

// RetryAt is when a step that failed is tried again; nil unless the operation waits for that.
func (o *Operation) RetryAt() *time.Time {
	if o.Status != OperationWaiting {
		return nil
	}
	for _, s := range o.Steps {
		if s.Error != nil && s.Status != StepDone && s.Status != StepUndone {
			at := o.RunAt
			return &at
		}
	}
	return nil
}
