package operations

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/outside"
)

// Fetcher brings files from URLs that users give.
type Fetcher struct {
	Dir     string        // where files lie until they are in a pool; empty: the system's temporary folder
	Outside outside.Rules // where the URLs may lead
	TLS     *tls.Config   // nil: the system's authorities
}

const (
	mostRedirects = 5
	stalled       = time.Minute // without a byte: then the connection is given up
	mostSumsBytes = 4 << 20     // of a distribution's list of checksums
)

// open begins to read a URL. plain allows http, which only a checksum makes up for.
func (f Fetcher) open(ctx context.Context, address string, plain bool) (*http.Response, error) {
	if err := checkURL(address, plain); err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fault.Field("url", "Give an https:// address.", "this is no URL")
	}
	request.Header.Set("User-Agent", "NovaCron")
	client := &http.Client{Transport: f.transport(), CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if len(via) > mostRedirects {
			return fault.Field("url", "Give the address that it ends at.", "there are more than %d redirects", mostRedirects)
		}
		return checkURL(r.URL.String(), plain)
	}}
	response, err := client.Do(request)
	if err != nil {
		return nil, unreachable(ctx, err)
	}
	if response.StatusCode != http.StatusOK {
		_ = response.Body.Close()
		kind := fault.Invalid
		if response.StatusCode >= 500 || response.StatusCode == http.StatusTooManyRequests {
			kind = fault.Unavailable
		}
		return nil, fault.New(kind, "the server answered %d to the request for the image", response.StatusCode).At("url").With("Check the address.")
	}
	return response, nil
}

// CheckImageURL is the rule for the addresses of images. plain allows http.
func CheckImageURL(address string, plain bool) error { return checkURL(address, plain) }

func checkURL(address string, plain bool) error {
	u, err := url.Parse(address)
	switch {
	case err != nil, len(address) > fleet.MaxURL, u.Host == "", u.Opaque != "":
		return fault.Field("url", "Give an address such as https://example.org/image.qcow2.", "this is no URL")
	case u.User != nil:
		return fault.Field("url", "Leave user and password out; they would be stored.", "the URL holds credentials")
	case u.Scheme == "http" && !plain:
		return fault.Field("checksum", "Give its SHA-256 or SHA-512, or use https.", "without encryption an image needs a checksum")
	case u.Scheme != "http" && u.Scheme != "https":
		return fault.Field("url", "Use https or http.", "images cannot be brought by %.20q", u.Scheme)
	}
	return nil
}

// unreachable classifies the failure of a request. The message names no address that the user did not give.
func unreachable(ctx context.Context, err error) error {
	var f *fault.Error
	var cert *tls.CertificateVerificationError
	var dns *net.DNSError
	switch {
	case errors.As(err, &f):
		return f.At(cmp.Or(f.Field, "url"))
	case ctx.Err() != nil:
		return fault.Of(ctx.Err())
	case errors.As(err, &cert):
		return fault.New(fault.Invalid, "the server's certificate is not to be trusted").At("url").Because(err)
	case errors.As(err, &dns) && dns.IsNotFound:
		return fault.New(fault.Invalid, "there is no such server").At("url").With("Check the address.").Because(err)
	}
	return fault.New(fault.Unavailable, "the server cannot be reached").At("url").Because(err)
}

func (f Fetcher) transport() *http.Transport {
	t := f.Outside.Transport()
	t.TLSClientConfig, t.ResponseHeaderTimeout, t.DisableKeepAlives, t.DisableCompression = f.TLS, 30*time.Second, true, true
	return t
}

// take copies a body into a file, hashing, and tells how far it is. It gives up when nothing comes.
func take(ctx context.Context, to io.Writer, body io.Reader, most int64, told func(int64)) (int64, sums, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	watchdog := time.AfterFunc(stalled, func() { stop(errStalled) })
	defer watchdog.Stop()
	if c, ok := body.(io.Closer); ok { // so that a read under way ends too
		defer context.AfterFunc(ctx, func() { _ = c.Close() })()
	}
	s := newSums()
	var n int64
	buffer := make([]byte, 1<<20)
	for {
		if ctx.Err() != nil {
			return n, s, stalledOr(ctx)
		}
		read, err := body.Read(buffer)
		if read > 0 {
			watchdog.Reset(stalled)
			if n += int64(read); n > most {
				return n, s, fault.New(fault.Exhausted, "the file is larger than %d GiB", most>>30).With("Use a smaller image, or register a volume of a pool.")
			}
			s.write(buffer[:read])
			if _, err := to.Write(buffer[:read]); err != nil {
				return n, s, noRoom(err)
			}
			told(n)
		}
		switch {
		case errors.Is(err, io.EOF):
			return n, s, nil
		case err != nil && ctx.Err() != nil:
			return n, s, stalledOr(ctx)
		case err != nil:
			return n, s, fault.New(fault.Unavailable, "the transfer broke off after %d MiB", n>>20).Because(err)
		}
	}
}

func noRoom(err error) error {
	return fault.New(fault.Exhausted, "there is no room for the file on NovaCron's own disk").
		With("Have the administrator make room in its temporary folder (TMPDIR).").Because(err)
}

var errStalled = errors.New("nothing came")

func stalledOr(ctx context.Context) error {
	if errors.Is(context.Cause(ctx), errStalled) {
		return fault.New(fault.Unavailable, "the transfer has stalled")
	}
	return fault.Of(ctx.Err())
}

// sums are the checksums of a file.
type sums struct{ sha256, sha512 hash.Hash }

func newSums() sums { return sums{sha256.New(), sha512.New()} }

func (s sums) write(b []byte) { s.sha256.Write(b); s.sha512.Write(b) }

// is compares with what was promised: SHA-256 or SHA-512, told apart by length.
func (s sums) is(checksum string) error {
	got := s.sha256
	if len(checksum) == 2*sha512.Size {
		got = s.sha512
	}
	if sum := hex.EncodeToString(got.Sum(nil)); !strings.EqualFold(sum, checksum) {
		return fault.New(fault.Invalid, "the file's checksum is %s, not what was promised", sum).At("checksum").
			With("The file was changed, or the checksum is another file's.")
	}
	return nil
}

// promised reads what a distribution's list of checksums says of a file.
func (f Fetcher) promised(ctx context.Context, list, file string) (string, error) {
	response, err := f.open(ctx, list, false)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(response.Body, mostSumsBytes))
	if err != nil {
		return "", unreachable(ctx, err)
	}
	if sum := findSum(string(text), file); sum != "" {
		return sum, nil
	}
	// A list beside one file, and named after it, may call it by its full version.
	if path.Base(list) != path.Base(file) && strings.HasPrefix(path.Base(list), file+".") {
		if sums := allSums(string(text)); len(sums) == 1 {
			return sums[0], nil
		}
	}
	return "", fault.New(fault.Unavailable, "the list of checksums does not have the image").With("Give the image's URL and checksum yourself.").
		Because(fmt.Errorf("no %s in %s", file, list))
}

// findSum finds a file's checksum in "sum  file" lines and in "SHA256 (file) = sum" lines.
func findSum(list, file string) string {
	for line := range strings.Lines(list) {
		words := strings.Fields(line)
		switch {
		case len(words) == 2 && strings.TrimPrefix(words[1], "*") == file && isSum(words[0]):
			return words[0]
		case len(words) == 4 && words[1] == "("+file+")" && strings.HasPrefix(words[0], "SHA") && isSum(words[3]):
			return words[3]
		}
	}
	return ""
}

// allSums are all words of a list that are checksums.
func allSums(list string) []string {
	var all []string
	for _, word := range strings.Fields(list) {
		if isSum(word) {
			all = append(all, word)
		}
	}
	return all
}

func isSum(s string) bool {
	_, err := hex.DecodeString(s)
	return err == nil && (len(s) == 2*sha256.Size || len(s) == 2*sha512.Size)
}
