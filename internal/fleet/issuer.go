package fleet

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/uptrace/bun"

	"github.com/novacron/novacron/internal/fault"
)

// Issuer is an OpenID Connect provider: it vouches for people, and its rules say what they may do.
type Issuer struct {
	bun.BaseModel `bun:"table:issuers,alias:i"`

	ID           uuid.UUID   `bun:"id,pk"`
	Name         string      `bun:"name"` // as its button says
	URL          string      `bun:"url"`
	ClientID     string      `bun:"client_id"`
	ClientSecret []byte      `bun:"client_secret"` // sealed; nil for a public client
	Scopes       []string    `bun:"scopes,type:jsonb"`
	Audience     string      `bun:"audience"` // of bearer tokens for programs; empty: none are taken
	Algorithms   []string    `bun:"algorithms,type:jsonb"`
	Rules        []ClaimRule `bun:"rules,type:jsonb"`
	Managed      IssuerHome  `bun:"managed"`
	Enabled      bool        `bun:"enabled"`
	Version      int         `bun:"version"`
	CreatedAt    time.Time   `bun:"created_at,nullzero,default:now()"`
	UpdatedAt    time.Time   `bun:"updated_at,nullzero,default:now()"`
}

// IssuerHome is where an issuer is set up.
type IssuerHome string

// The homes: here, by a platform administrator, or in the server's settings, which win at each start.
const (
	IssuerHere       IssuerHome = "HERE"
	IssuerOfSettings IssuerHome = "SETTINGS"
)

// IssuerAlgorithms are those that an issuer may sign with: of two keys, so that knowing the public one signs nothing.
var IssuerAlgorithms = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}

// ClaimRule turns a claim into a role in an organisation.
type ClaimRule struct {
	Claim        string `json:"claim"`        // its name; dots lead into objects: realm_access.roles
	Value        string `json:"value"`        // that it has, or one of those in its list; * for any
	Organisation string `json:"organisation"` // its name, made if there is none; * for the claim's value
	Role         Role   `json:"role"`
}

// Right is a role in an organisation, by name.
type Right struct {
	Organisation string
	Role         Role
}

// Check refuses an issuer that cannot work.
func (i *Issuer) Check() error {
	if err := CheckName("name", i.Name); err != nil {
		return err
	}
	u, err := url.Parse(i.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return fault.Field("url", "Give the issuer as its discovery document does: https://login.example.org/realms/vms.", "this is no issuer's address")
	case u.Scheme == "http" && u.Hostname() != "localhost" && u.Hostname() != "127.0.0.1" && u.Hostname() != "::1":
		return fault.Field("url", "Use https.", "whoever sits on the way could sign in as anybody")
	case i.ClientID == "" || len(i.ClientID) > 255:
		return fault.Field("clientId", "Give the client's id, as the issuer knows us.", "the client's id has %d characters", len(i.ClientID))
	case i.Audience == i.ClientID && i.Audience != "":
		return fault.Field("audience", "Give the API a name of its own at the issuer.", "an audience that is the client's id would make every ID token a key to the API")
	case len(i.Rules) > 200:
		return fault.Field("rules", "Use groups.", "there are %d rules; 200 are the most", len(i.Rules))
	}
	for _, a := range i.Algorithms {
		if !slices.Contains(IssuerAlgorithms, a) {
			return fault.Field("algorithms", "Choose of "+strings.Join(IssuerAlgorithms, ", ")+".", "%.20q is no algorithm that is safe here", a)
		}
	}
	for n, r := range i.Rules {
		field := fmt.Sprintf("rules[%d]", n)
		switch {
		case r.Claim == "" || r.Value == "" || len(r.Claim)+len(r.Value) > 500:
			return fault.Field(field, "Give a claim and the value that it has to have; * for any.", "a rule without claim or value")
		case !slices.Contains(Roles, r.Role):
			return fault.Field(field+".role", "Choose of OWNER, ADMIN, OPERATOR, VIEWER.", "there is no role %.40q", r.Role)
		}
		if r.Organisation != "*" {
			if err := CheckName(field+".organisation", r.Organisation); err != nil {
				return err
			}
		}
	}
	return nil
}

// Rights are what the rules make of somebody's claims: each organisation once, with the highest role.
func (i *Issuer) Rights(claims map[string]any) []Right {
	var all []Right
	for _, r := range i.Rules {
		for _, value := range texts(claim(claims, r.Claim)) {
			if r.Value != "*" && r.Value != value {
				continue
			}
			organisation := r.Organisation
			if organisation == "*" {
				organisation = value
			}
			if CheckName("organisation", organisation) == nil {
				all = add(all, Right{organisation, r.Role})
			}
		}
	}
	return all
}

func add(all []Right, r Right) []Right {
	for i := range all {
		if all[i].Organisation == r.Organisation {
			if !all[i].Role.Includes(r.Role) {
				all[i].Role = r.Role
			}
			return all
		}
	}
	return append(all, r)
}

// claim finds a claim by its name or, where there is none of that name, by its path.
func claim(claims map[string]any, name string) any {
	if v, ok := claims[name]; ok {
		return v
	}
	head, rest, ok := strings.Cut(name, ".")
	inner, _ := claims[head].(map[string]any)
	if !ok || inner == nil {
		return nil
	}
	return claim(inner, rest)
}

// texts are a claim's values: itself, or those of its list.
func texts(v any) (all []string) {
	switch v := v.(type) {
	case string:
		if v != "" {
			all = append(all, v)
		}
	case bool:
		all = append(all, fmt.Sprint(v))
	case []any:
		for _, one := range v {
			if s, ok := one.(string); ok && s != "" {
				all = append(all, s)
			}
		}
	}
	return all
}
