package events

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/internal/fleet"
)

// Who takes nothing while the same things change for ever holds each of them once, not each change.
func TestWaitingIsBounded(t *testing.T) {
	const queue, things, changes = 50, 20, 10_000
	s := &subscriber{scope: fleet.System(), queue: queue, signal: make(chan struct{}, 1), place: map[subject]int{}}
	ids := make([]uuid.UUID, things)
	for i := range ids {
		ids[i] = uuid.New()
	}
	for n := range changes {
		e := fleet.Event{TxID: uint64(n + 1), Topic: fleet.TopicVM, Kind: fleet.Updated, SubjectID: ids[n%things]}
		s.add([]fleet.Event{e}, e.Cursor())
		require.LessOrEqual(t, len(s.pending), 2*queue)
	}
	b, ok := s.take()
	require.True(t, ok)
	assert.False(t, b.Missed)
	require.Len(t, b.Events, things)
	for i, e := range b.Events {
		assert.Equal(t, ids[i], e.SubjectID, "oldest first")
		assert.Equal(t, uint64(changes-things+i+1), e.TxID, "as it changed last")
	}
}
