package libvirt

import (
	"context"
	"regexp"

	"libvirt.org/go/libvirt"

	"github.com/novacron/novacron/drivers"
)

var _ drivers.Documenter = (*Driver)(nil)

// Document is as drivers.Documenter has it. It is the domain's XML as libvirt writes it, of the running VM
// when it runs, without what may be secret.
func (d *Driver) Document(ctx context.Context, ref drivers.Ref) (string, error) {
	doc := ""
	err := d.do(ctx, about(ref, func(_ *libvirt.Connect, dom *libvirt.Domain) (err error) {
		doc, err = dom.GetXMLDesc(0) // without VIR_DOMAIN_XML_SECURE: no passwords of VNC and SPICE
		return err
	}))
	return withoutSecrets(doc), err
}

// secretPlaces are where secrets lie in a domain's XML beyond those that libvirt itself leaves out.
// It writes attributes in single quotes, and escapes those in values.
var secretPlaces = []*regexp.Regexp{
	regexp.MustCompile(`(\spasswd=')[^']*(')`),
	regexp.MustCompile(`(<qemu:env [^>]*value=')[^']*(')`),                              // environment of QEMU
	regexp.MustCompile(`(<qemu:arg value='[^']*?(?i:secret|passw|key)[^']*?=)[^']*(')`), // its options
	regexp.MustCompile(`(<source [^>]*\squery=')[^']*(')`),                              // signed addresses
	regexp.MustCompile(`(<entry name='opt/[^']*'>)[^<]*(</entry>)`),                     // fw_cfg: Ignition and the like
	regexp.MustCompile(`(<cookie name='[^']*'>)[^<]*(</cookie>)`),
}

// oemStrings carry credentials to systemd in the guest.
var (
	oemStrings = regexp.MustCompile(`(?s)<oemStrings>.*?</oemStrings>`)
	oemEntry   = regexp.MustCompile(`(<entry>)[^<]*(</entry>)`)
)

func withoutSecrets(doc string) string {
	const hidden = "${1}(hidden)${2}"
	for _, r := range secretPlaces {
		doc = r.ReplaceAllString(doc, hidden)
	}
	return oemStrings.ReplaceAllStringFunc(doc, func(s string) string { return oemEntry.ReplaceAllString(s, hidden) })
}
