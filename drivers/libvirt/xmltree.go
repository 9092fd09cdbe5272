package libvirt

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"github.com/novacron/novacron/internal/fault"
)

// A VM's document is edited as a tree of whatever is in it. libvirtxml knows much and drops the
// rest (elements of a newer libvirt, other programs' metadata, qemu:commandline's siblings);
// read and written through it, a document would lose what we do not know.

// element is an element with its children: *element, xml.CharData, xml.Comment and so on. Names
// keep their prefixes, so nothing is lost or renamed.
type element struct {
	name     string
	attrs    []xml.Attr // with prefixes in Name.Local
	children []any
}

// parseTree reads a document.
func parseTree(doc string) (*element, error) {
	d := xml.NewDecoder(strings.NewReader(doc))
	root := &element{}
	open := []*element{root}
	for {
		t, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fault.New(fault.Internal, "the VM's XML is not what we know").Because(err)
		}
		at := open[len(open)-1]
		switch t := t.(type) {
		case xml.StartElement:
			e := &element{name: rawName(t.Name)}
			for _, a := range t.Attr {
				e.attrs = append(e.attrs, xml.Attr{Name: xml.Name{Local: rawName(a.Name)}, Value: a.Value})
			}
			at.children = append(at.children, e)
			open = append(open, e)
		case xml.EndElement:
			if len(open) == 1 || at.name != rawName(t.Name) {
				return nil, fault.New(fault.Internal, "the VM's XML is not what we know")
			}
			open = open[:len(open)-1]
		default:
			at.children = append(at.children, xml.CopyToken(t))
		}
	}
	for _, c := range root.children {
		if e, ok := c.(*element); ok && len(open) == 1 {
			return e, nil
		}
	}
	return nil, fault.New(fault.Internal, "the VM's XML is not what we know")
}

func rawName(n xml.Name) string {
	if n.Space != "" {
		return n.Space + ":" + n.Local
	}
	return n.Local
}

// String writes the tree.
func (e *element) String() string {
	var b strings.Builder
	e.write(&b)
	return b.String()
}

func (e *element) write(b *strings.Builder) {
	b.WriteString("<" + e.name)
	for _, a := range e.attrs {
		b.WriteString(" " + a.Name.Local + `="`)
		_ = xml.EscapeText(b, []byte(a.Value))
		b.WriteString(`"`)
	}
	if len(e.children) == 0 {
		b.WriteString("/>")
		return
	}
	b.WriteString(">")
	for _, c := range e.children {
		switch c := c.(type) {
		case *element:
			c.write(b)
		case xml.CharData:
			_ = xml.EscapeText(b, c)
		case xml.Comment:
			b.WriteString("<!--" + string(c) + "-->")
		}
	}
	b.WriteString("</" + e.name + ">")
}

// child finds the first child element of a name, going down the path.
func (e *element) child(path ...string) *element {
	for _, name := range path {
		var next *element
		for _, c := range e.children {
			if k, ok := c.(*element); ok && k.name == name {
				next = k
				break
			}
		}
		if next == nil {
			return nil
		}
		e = next
	}
	return e
}

// all lists the child elements of a name.
func (e *element) all(name string) []*element {
	var found []*element
	for _, c := range e.children {
		if k, ok := c.(*element); ok && k.name == name {
			found = append(found, k)
		}
	}
	return found
}

// attr reads an attribute.
func (e *element) attr(name string) string {
	for _, a := range e.attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// set writes an attribute.
func (e *element) set(name, value string) {
	for i := range e.attrs {
		if e.attrs[i].Name.Local == name {
			e.attrs[i].Value = value
			return
		}
	}
	e.attrs = append(e.attrs, xml.Attr{Name: xml.Name{Local: name}, Value: value})
}

// drop removes child elements of a name.
func (e *element) drop(name string) {
	kept := e.children[:0]
	for _, c := range e.children {
		if k, ok := c.(*element); !ok || k.name != name {
			kept = append(kept, c)
		}
	}
	e.children = kept
}

// setText replaces the content by a text.
func (e *element) setText(s string) { e.children = []any{xml.CharData(s)} }

// text is the content of an element that has no children.
func (e *element) text() string {
	var b strings.Builder
	for _, c := range e.children {
		if t, ok := c.(xml.CharData); ok {
			b.Write(t)
		}
	}
	return strings.TrimSpace(b.String())
}
