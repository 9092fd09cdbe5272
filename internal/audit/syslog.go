package audit

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/leodido/go-syslog/v4/rfc5424"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
)

// Priorities (RFC 5424, 6.2.1): the facility 13 is the audit log's.
const (
	allowedPriority = 13*8 + 6 // informational
	deniedPriority  = 13*8 + 4 // warning
)

const (
	dialWithin = 5 * time.Second
	sendWithin = 10 * time.Second
)

// Syslog sends lines of the audit log to a syslog server, RFC 5424 with JSON in the message: over TLS or TCP with the
// length before each (RFC 6587, 3.4.1), or over UDP.
type Syslog struct {
	address url.URL
	tls     *tls.Config
	host    string
	conn    net.Conn // nil: none yet, or it is broken
}

// NewSyslog reads an address: tls://host:6514, tcp://host:601 or udp://host:514. cas are PEM certificates for tls; nil:
// the system's.
func NewSyslog(address string, cas []byte) (*Syslog, error) {
	wrong := func(why string) error {
		return fault.New(fault.Invalid, "the syslog server %q cannot be used: %s", address, why).With("Write it as tls://logs.example.org:6514, tcp://… or udp://….")
	}
	u, err := url.Parse(address)
	switch {
	case err != nil:
		return nil, wrong("it is no address")
	case u.Scheme != "tls" && u.Scheme != "tcp" && u.Scheme != "udp":
		return nil, wrong("it begins with none of tls, tcp and udp")
	case u.Hostname() == "" || u.Port() == "" || u.Path != "" || u.User != nil || u.RawQuery != "":
		return nil, wrong("it has more or less than a host and a port")
	}
	s := &Syslog{address: *u, tls: &tls.Config{ServerName: u.Hostname(), MinVersion: tls.VersionTLS12}}
	if cas != nil {
		s.tls.RootCAs = x509.NewCertPool()
		if !s.tls.RootCAs.AppendCertsFromPEM(cas) {
			return nil, wrong("its CA file has no certificate")
		}
	}
	name, _ := os.Hostname()
	s.host = cmp.Or(name, "-")
	return s, nil
}

// String is the address: the name by which what it has had is remembered.
func (s *Syslog) String() string { return s.address.String() }

// Close hangs up.
func (s *Syslog) Close() {
	if s.conn != nil {
		_ = s.conn.Close()
		s.conn = nil
	}
}

// Send sends the lines. After an error some of them may have come.
func (s *Syslog) Send(ctx context.Context, lines []*fleet.AuditLine) error {
	if err := s.dial(ctx); err != nil {
		return err
	}
	if err := s.conn.SetDeadline(time.Now().Add(sendWithin)); err != nil {
		s.Close()
		return err
	}
	for _, l := range lines {
		text, err := s.message(l)
		if err != nil {
			return err
		}
		if _, err := s.conn.Write(text); err != nil {
			s.Close()
			return err
		}
	}
	return nil
}

func (s *Syslog) dial(ctx context.Context) (err error) {
	if s.conn != nil && !s.hungUp() {
		return nil
	}
	s.Close()
	ctx, done := context.WithTimeout(ctx, dialWithin)
	defer done()
	plain := &net.Dialer{}
	switch s.address.Scheme {
	case "tls":
		s.conn, err = (&tls.Dialer{NetDialer: plain, Config: s.tls}).DialContext(ctx, "tcp", s.address.Host)
	default:
		s.conn, err = plain.DialContext(ctx, s.address.Scheme, s.address.Host)
	}
	if err != nil {
		s.conn = nil // not a nil *tls.Conn
	}
	return err
}

// hungUp looks whether the server has closed the connection: what is written into one that it has is lost without a word.
func (s *Syslog) hungUp() bool {
	if s.address.Scheme == "udp" {
		return false
	}
	_ = s.conn.SetReadDeadline(time.Now().Add(time.Millisecond))
	_, err := s.conn.Read(make([]byte, 1))
	return !errors.Is(err, os.ErrDeadlineExceeded)
}

// sent is what a message says of a line. Its ids are those of the database.
type sent struct {
	ID          int64              `json:"id"`
	Tenant      uuid.UUID          `json:"tenant"`
	Actor       string             `json:"actor"`
	User        *uuid.UUID         `json:"user"`
	Address     string             `json:"address"`
	RequestID   string             `json:"requestId"`
	Action      string             `json:"action"`
	Outcome     fleet.AuditOutcome `json:"outcome"`
	TargetType  string             `json:"targetType"`
	Target      *uuid.UUID         `json:"target"`
	TargetName  string             `json:"targetName"`
	OperationID *uuid.UUID         `json:"operation"`
	Detail      json.RawMessage    `json:"detail"`
}

// message is a line in its frame.
func (s *Syslog) message(l *fleet.AuditLine) ([]byte, error) {
	body, err := json.Marshal(sent{l.ID, l.TenantID, l.Actor, l.UserID, l.Address, l.RequestID, l.Action, l.Outcome, l.TargetType, l.TargetID, l.TargetName, l.OperationID, l.Detail})
	if err != nil {
		return nil, err
	}
	priority := uint8(allowedPriority)
	if l.Outcome == fleet.AuditDenied {
		priority = deniedPriority
	}
	m := &rfc5424.SyslogMessage{}
	m.SetPriority(priority).SetVersion(1)
	m.SetTimestamp(l.At.UTC().Format(time.RFC3339Nano))
	m.SetHostname(s.host).SetAppname("novacron")
	m.SetProcID(strconv.Itoa(os.Getpid())).SetMsgID(l.Action)
	m.SetMessage(string(body))
	text, err := m.String()
	if err != nil || s.address.Scheme == "udp" {
		return []byte(text), err
	}
	return fmt.Appendf(nil, "%d %s", len(text), text), nil
}
