package main

import (
	"encoding/csv"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/internal/fleet"
)

// What a spreadsheet would run as a formula is text to it.
func TestNoFormulasInCSV(t *testing.T) {
	w := httptest.NewRecorder()
	rows := begin(w, "csv", "audit", auditColumns)
	for _, name := range []string{"=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "web-1", "", "a,\"b\"\nc"} {
		require.NoError(t, rows.write(rowOf(&fleet.AuditEntry{ID: 1, Actor: "ann", TargetName: name})))
	}
	require.NoError(t, rows.flush())
	all, err := csv.NewReader(strings.NewReader(w.Body.String())).ReadAll()
	require.NoError(t, err)
	var names []string
	for _, row := range all {
		names = append(names, row[9])
	}
	assert.Equal(t, []string{"targetName", "'=cmd|' /C calc'!A0", "'+1", "'-1", "'@SUM(A1)", "'\t=1", "web-1", "", "a,\"b\"\nc"}, names)
}
