package idp

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"slices"
)

// Person may sign in.
type Person struct {
	Name          string // preferred_username
	Password      string
	FullName      string
	Email         string
	EmailVerified bool
	Groups        []string
	Claims        map[string]any // carried beside the others, which win
}

// Password is that of everyone in People.
const Password = "tuesday"

// organisation is the claim by which the pages show who belongs together.
const organisation = "organisation"

// People are two of Acme and two of Globex, an administrator first.
func People() []Person {
	person := func(name, full, org, domain, group string) Person {
		return Person{
			Name:          name,
			Password:      Password,
			FullName:      full,
			Email:         name + "@" + domain,
			EmailVerified: true,
			Groups:        []string{group},
			Claims:        map[string]any{organisation: org},
		}
	}
	return []Person{
		person("ada", "Ada Lind", "Acme", "acme.example", "acme-admins"),
		person("amir", "Amir Haddad", "Acme", "acme.example", "acme-operators"),
		person("gita", "Gita Rao", "Globex", "globex.example", "globex-admins"),
		person("gus", "Gus Moreau", "Globex", "globex.example", "globex-viewers"),
	}
}

// Subject is the person's sub: opaque, and the same in every run.
func (p Person) Subject() string {
	sum := sha256.Sum256([]byte("subject of " + p.Name))
	return hex.EncodeToString(sum[:12])
}

// Organisation is the claim of that name; empty without one.
func (p Person) Organisation() string {
	org, _ := p.Claims[organisation].(string)
	return org
}

// claims are what identity tokens, access tokens and userinfo say of the person, whatever the scope.
func (p Person) claims() map[string]any {
	return merge(p.Claims, map[string]any{
		"sub":                p.Subject(),
		"name":               p.FullName,
		"preferred_username": p.Name,
		"email":              p.Email,
		"email_verified":     p.EmailVerified,
		"groups":             append([]string{}, p.Groups...), // [] rather than null
	})
}

// Put adds a person, or changes the one of that name; tokens say so from the next one on.
func (p *Provider) Put(person Person) {
	p.mu.Lock()
	defer p.mu.Unlock()
	people := slices.Clone(p.people) // the caller's own stays as it is
	if i := slices.IndexFunc(people, func(x Person) bool { return x.Name == person.Name }); i >= 0 {
		people[i] = person
	} else {
		people = append(people, person)
	}
	p.people = people
}

// Remove takes a person away: no sign-in and no refresh from then on.
func (p *Provider) Remove(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.people = slices.DeleteFunc(slices.Clone(p.people), func(x Person) bool { return x.Name == name })
}

func (p *Provider) person(name string) (Person, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.people, func(x Person) bool { return x.Name == name })
	if i < 0 {
		return Person{}, false
	}
	return p.people[i], true
}

func (p *Provider) authenticate(name, password string) (Person, bool) {
	person, ok := p.person(name)
	return person, ok && same(person.Password, password)
}

func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
