package main

import (
	"encoding/csv"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/novacron/novacron/graph/ids"
	"github.com/novacron/novacron/internal/access"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
)

// exportStall is for how long the reader of an export may take nothing.
const exportStall = 30 * time.Second

// auditColumns are an exported line's.
var auditColumns = []string{"id", "at", "actor", "address", "requestId", "action", "outcome", "targetType", "targetId", "targetName", "operationId", "detail"}

// auditRow is a line of the audit log as the API tells it.
type auditRow struct {
	ID          string          `json:"id"`
	At          time.Time       `json:"at"`
	Actor       string          `json:"actor"`
	Address     string          `json:"address"`
	RequestID   string          `json:"requestId"`
	Action      string          `json:"action"`
	Outcome     string          `json:"outcome"`
	TargetType  string          `json:"targetType"`
	TargetID    *string         `json:"targetId"`
	TargetName  string          `json:"targetName"`
	OperationID *string         `json:"operationId"`
	Detail      json.RawMessage `json:"detail"`
}

// serveAudit is GET /api/audit.csv and /api/audit.jsonl: all lines that match, newest first, as they are read. The
// parameters are the fields of AuditFilter.
func (h *house) serveAudit(w http.ResponseWriter, r *http.Request) {
	format, ok := strings.CutPrefix(r.PathValue("file"), "audit.")
	if !ok || format != "csv" && format != "jsonl" {
		fault.WriteHTTP(w, 0, access.RequestID(r.Context()), fault.New(fault.NotFound, "there is nothing here").With("Exports are audit.csv and audit.jsonl."))
		return
	}
	f, err := auditFilter(r.URL.Query())
	if err != nil {
		fault.WriteHTTP(w, 0, access.RequestID(r.Context()), err)
		return
	}
	control := http.NewResponseController(w)
	var rows rowWriter
	err = h.control.ExportAudit(r.Context(), f, func(page []*fleet.AuditEntry) error {
		if rows == nil {
			rows = begin(w, format, "audit-"+time.Now().UTC().Format(time.DateOnly), auditColumns)
		}
		_ = control.SetWriteDeadline(time.Now().Add(exportStall))
		for _, e := range page {
			if err := rows.write(rowOf(e)); err != nil {
				return err
			}
		}
		return rows.flush()
	})
	switch {
	case err != nil && rows == nil:
		fault.WriteHTTP(w, 0, access.RequestID(r.Context()), err)
	case err != nil:
		panic(http.ErrAbortHandler) // what has come so far must not be taken for all
	}
}

func rowOf(e *fleet.AuditEntry) auditRow {
	return auditRow{ID: strconv.FormatInt(e.ID, 10), At: e.At.UTC(), Actor: e.Actor, Address: e.Address, RequestID: e.RequestID, Action: e.Action, Outcome: string(e.Outcome),
		TargetType: e.TargetType, TargetID: ids.Target(e.TargetType, e.TargetID), TargetName: e.TargetName,
		OperationID: ids.Target("OPERATION", e.OperationID), Detail: json.RawMessage(e.Details())}
}

// auditFilter reads the parameters; one that is not known would show more than was asked for, and is refused.
func auditFilter(q url.Values) (f fleet.AuditFilter, err error) {
	known := []string{"actor", "action", "outcome", "target", "operation", "since", "until"}
	for name := range q {
		if !slices.Contains(known, name) {
			return f, fault.Field(name, "Use "+strings.Join(known, ", ")+".", "there is no such parameter")
		}
	}
	f.Actor, f.Action = q.Get("actor"), q.Get("action")
	if o := fleet.AuditOutcome(q.Get("outcome")); o != "" {
		if f.Outcome = &o; o != fleet.AuditAllowed && o != fleet.AuditDenied {
			return f, fault.Field("outcome", "Use ALLOWED or DENIED.", "there is no such outcome")
		}
	}
	for name, to := range map[string]**time.Time{"since": &f.Since, "until": &f.Until} {
		if text := q.Get(name); text != "" {
			at, err := time.Parse(time.RFC3339Nano, text)
			if err != nil {
				return f, fault.Field(name, "Write it as 2026-03-01T09:30:00Z.", "this is no moment")
			}
			*to = &at
		}
	}
	for name, to := range map[string]**uuid.UUID{"target": &f.Target, "operation": &f.Operation} {
		if text := q.Get(name); text != "" {
			_, id, ok := ids.Split(text)
			if !ok {
				return f, fault.Field(name, "Give an id as the API gave it to you.", "this is no id")
			}
			*to = &id
		}
	}
	return f, nil
}

// rowWriter writes rows in some format.
type rowWriter interface {
	write(row auditRow) error
	flush() error
}

// begin writes the head of an export.
func begin(w http.ResponseWriter, format, name string, columns []string) rowWriter {
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+"."+format+`"`)
	if format == "jsonl" {
		w.Header().Set("Content-Type", "application/jsonl")
		return jsonLines{json.NewEncoder(w)}
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	c := csvRows{csv.NewWriter(w)}
	_ = c.w.Write(columns) // told by flush
	return c
}

type jsonLines struct{ w *json.Encoder }

func (j jsonLines) write(row auditRow) error { return j.w.Encode(row) }
func (jsonLines) flush() error               { return nil }

type csvRows struct{ w *csv.Writer }

func (c csvRows) write(r auditRow) error {
	cells := []string{r.ID, r.At.Format(time.RFC3339Nano), r.Actor, r.Address, r.RequestID, r.Action, r.Outcome, r.TargetType, or(r.TargetID), r.TargetName,
		or(r.OperationID), string(r.Detail)}
	for i, cell := range cells {
		if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
			cells[i] = "'" + cell // a spreadsheet would take it for a formula, and run it
		}
	}
	return c.w.Write(cells)
}

func (c csvRows) flush() error {
	c.w.Flush()
	return c.w.Error()
}

func or(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
