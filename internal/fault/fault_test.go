package fault

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestOf(t *testing.T) {
	missing := Missing("VM", "x")
	for name, c := range map[string]struct {
		err  error
		kind Kind
	}{
		"nil":          {nil, ""},
		"classified":   {missing, NotFound},
		"wrapped":      {fmt.Errorf("starting VM: %w", missing), NotFound},
		"canceled":     {fmt.Errorf("ping: %w", context.Canceled), Canceled},
		"deadline":     {context.DeadlineExceeded, Deadline},
		"unclassified": {errors.New("pq: password authentication failed"), Internal},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, c.kind, KindOf(c.err)) })
	}
	assert.Nil(t, Of(nil))
	assert.NotContains(t, Of(errors.New("dial 10.0.0.7")).Message, "10.0.0.7", "an unclassified error must not tell our insides")
}

func TestCopiesDoNotShare(t *testing.T) {
	base := New(Conflict, "VM %q is running", "a")
	other := base.With("Shut it down first.").At("id").Because(context.Canceled)
	assert.Empty(t, base.Remedy)
	assert.Empty(t, base.Field)
	assert.Equal(t, `id: VM "a" is running: context canceled`, other.Error())
	assert.ErrorIs(t, other, context.Canceled)
}
