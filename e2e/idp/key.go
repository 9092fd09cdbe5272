package idp

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/go-jose/go-jose/v4"
)

const (
	algorithm = jose.RS256
	keyBits   = 2048
)

// The types of token, as their headers say.
const (
	typeIDToken     = "JWT"
	typeAccessToken = "at+jwt"
	typeLogoutToken = "logout+jwt"
)

type key struct {
	id      string
	private *rsa.PrivateKey
}

// Rotate makes a new signing key; the old one leaves the published set at once.
func (p *Provider) Rotate() error {
	private, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return fmt.Errorf("making a signing key: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.keys = append(p.keys, key{id: rand.Text(), private: private})
	return nil
}

func (p *Provider) key() key {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.keys[len(p.keys)-1]
}

// Public is the key that is published now.
func (p *Provider) Public() crypto.PublicKey { return p.key().private.Public() }

func (p *Provider) keySet() *jose.JSONWebKeySet {
	k := p.key()
	return &jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: k.private.Public(), KeyID: k.id, Algorithm: string(algorithm), Use: "sig"}}}
}

// Sign makes a JWT of any claims. The header says RS256, the current key's id and JWT, unless told
// otherwise: a nil leaves a field out. The signature is the current key's RS256 whatever the header says.
// It panics on what JSON cannot say.
func (p *Provider) Sign(header, claims map[string]any) string {
	k := p.key()
	header = merge(map[string]any{"alg": string(algorithm), "kid": k.id, "typ": typeIDToken}, header)
	maps.DeleteFunc(header, func(_ string, v any) bool { return v == nil })
	signed := segment(header) + "." + segment(claims)
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, k.private, crypto.SHA256, sum[:])
	if err != nil {
		panic(fmt.Sprintf("signing with a key of our own: %v", err))
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

func segment(part map[string]any) string {
	data, err := json.Marshal(part)
	if err != nil {
		panic(fmt.Sprintf("a token's part is no JSON: %v", err))
	}
	return base64.RawURLEncoding.EncodeToString(data)
}

// verify reads a token of ours, ended or not; one signed by a key since rotated is ours too.
func (p *Provider) verify(token, typ string) (map[string]any, error) {
	parsed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{algorithm})
	if err != nil {
		return nil, fmt.Errorf("reading the token: %w", err)
	}
	header := parsed.Signatures[0].Header
	if header.ExtraHeaders[jose.HeaderType] != typ {
		return nil, fmt.Errorf("the token's type is not %s", typ)
	}
	p.mu.Lock()
	i := slices.IndexFunc(p.keys, func(k key) bool { return k.id == header.KeyID })
	if i < 0 {
		p.mu.Unlock()
		return nil, errors.New("the token's key is not ours")
	}
	k := p.keys[i]
	p.mu.Unlock()
	payload, err := parsed.Verify(k.private.Public())
	if err != nil {
		return nil, fmt.Errorf("checking the token's signature: %w", err)
	}
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil {
		return nil, fmt.Errorf("reading the token's claims: %w", err)
	}
	return claims, nil
}

// merge is a new map with the entries of all; later ones win.
func merge(all ...map[string]any) map[string]any {
	merged := map[string]any{}
	for _, m := range all {
		maps.Copy(merged, m)
	}
	return merged
}
