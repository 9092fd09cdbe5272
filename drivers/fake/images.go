package fake

import (
	"context"
	"encoding/binary"
	"io"
	"strings"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/fault"
)

// headSize is as much of an image as has to be seen to know what it is: an ISO's mark lies at 32 KiB.
const headSize = 34 << 10

// PutVolume is as drivers.ImageStore has it. The content is checked and counted, not kept.
func (d *Driver) PutVolume(ctx context.Context, r drivers.VolumeRef, token, format string, size int64, from io.Reader) (drivers.Volume, error) {
	if err := d.call(ctx, callTime); err != nil {
		return drivers.Volume{}, err
	}
	if err := d.mayPut(r, token, size); err != nil {
		return drivers.Volume{}, err
	}
	if err := d.suffer(ctx, r.Volume, "upload"); err != nil {
		return drivers.Volume{}, err
	}
	head, n, err := d.swallow(ctx, from, size)
	if err != nil {
		return drivers.Volume{}, err
	}
	if n != size {
		return drivers.Volume{}, badImage("it has another size than was announced: %d bytes instead of %d", n, size)
	}
	capacity, err := inspect(head, format, size)
	if err != nil {
		return drivers.Volume{}, err
	}
	h := d.host
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.vacant(r, token); err != nil { // somebody else may have been quicker
		return drivers.Volume{}, err
	}
	v := &volume{token: token, Volume: drivers.Volume{Pool: r.Pool, Name: r.Volume, Format: format, Path: poolPath(r.Pool) + r.Volume, CapacityBytes: capacity, UsedBytes: size}}
	h.volumes[r] = v
	return v.Volume, h.reply(r.Volume, "upload")
}

func (d *Driver) mayPut(r drivers.VolumeRef, token string, size int64) error {
	h := d.host
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.pool(r.Pool)
	switch {
	case p == nil:
		return said(fault.Missing("storage pool", r.Pool), "NO_POOL")
	case r.Volume == "" || strings.ContainsAny(r.Volume, "/\x00\n") || r.Volume[0] == '.':
		return said(fault.Field("name", "Use letters, digits, dots and dashes.", "a volume cannot be called %q", r.Volume), "BAD_NAME")
	case size <= 0:
		return badImage("it has no content")
	case size > p.FreeBytes:
		return refuse(fault.Exhausted, "NO_SPACE", "Free some space or choose another pool.", "there is no room for %d bytes in pool %q", size, r.Pool)
	}
	if err := h.vacant(r, token); err != nil {
		return err
	}
	return h.admit(r.Volume, "upload")
}

// vacant tells whether a volume of that name may be written by the owner of a token. h.mu is held.
func (h *host) vacant(r drivers.VolumeRef, token string) error {
	if v := h.volume(r); v != nil && (token == "" || v.token != token) {
		return refuse(fault.Exists, "NAME_TAKEN", "Choose another name.", "a volume %q exists in pool %q", r.Volume, r.Pool)
	}
	return nil
}

// swallow reads up to a byte more than size and returns the beginning and the count.
func (d *Driver) swallow(ctx context.Context, from io.Reader, size int64) (head []byte, n int64, err error) {
	buf := make([]byte, 64<<10)
	for from = io.LimitReader(from, size+1); ; {
		if err := d.sleep(ctx, 0); err != nil {
			return nil, 0, err
		}
		k, err := from.Read(buf)
		n += int64(k)
		if missing := headSize - len(head); missing > 0 {
			head = append(head, buf[:min(k, missing)]...)
		}
		switch {
		case err == io.EOF:
			return head, n, nil
		case err != nil:
			return nil, 0, fault.New(fault.Invalid, "the image could not be read to its end").Because(err)
		}
	}
}

// inspect tells an image's capacity, or why it is none.
func inspect(head []byte, format string, size int64) (int64, error) {
	qcow2 := strings.HasPrefix(string(head), "QFI\xfb")
	switch format {
	case "qcow2":
		switch {
		case !qcow2 || len(head) < 104:
			return 0, badImage("it does not begin like a qcow2 image")
		case binary.BigEndian.Uint64(head[8:]) != 0:
			return 0, badImage("it refers to a backing file")
		case binary.BigEndian.Uint32(head[4:]) >= 3 && binary.BigEndian.Uint64(head[72:])&4 != 0:
			return 0, badImage("it refers to an external data file")
		}
		return int64(binary.BigEndian.Uint64(head[24:])), nil
	case "raw":
		if qcow2 || strings.HasPrefix(string(head), "KDMV") {
			return 0, badImage("it is announced as raw and is not")
		}
		return size, nil
	case "iso":
		if len(head) < 32774 || string(head[32769:32774]) != "CD001" {
			return 0, badImage("it is no ISO 9660 image")
		}
		return size, nil
	}
	return 0, said(fault.Field("format", "Use qcow2, raw or iso.", "there is no image format %q", format), "BAD_FORMAT")
}

func badImage(format string, a ...any) error {
	return said(fault.Field("image", "Give a whole image that stands by itself; qemu-img info tells what it is.", "the image cannot be used: "+format, a...), "BAD_IMAGE")
}

// DeleteVolume is as drivers.ImageStore has it.
func (d *Driver) DeleteVolume(ctx context.Context, r drivers.VolumeRef) error {
	if err := d.call(ctx, callTime); err != nil {
		return err
	}
	h := d.host
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.inUse(r, nil); err != nil {
		return err
	}
	delete(h.volumes, r)
	return nil
}
