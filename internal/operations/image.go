package operations

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"time"

	"github.com/novacron/novacron/drivers"
	"github.com/novacron/novacron/internal/events"
	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/store"
)

// ImportImage is the input of IMPORT_IMAGE. Of URL, File and Upload one says where it comes from.
type ImportImage struct {
	Volume   drivers.VolumeRef
	Format   string // empty: told by the content
	URL      string
	Sums     string // a list that has the checksum, at the distribution; empty: none
	File     string // on NovaCron's own disk: an image that comes with it
	Upload   bool   // somebody sends it, see Engine.RunHere; the operation's RunAt is when we stop waiting
	Size     int64  // an upload's length
	Checksum string // SHA-256 or SHA-512; empty: none
}

type importedImage struct {
	File   string `json:"file,omitempty"` // where it lies meanwhile, on the disk of who brought it
	Format string `json:"format,omitempty"`
	Size   int64  `json:"size,omitempty"`
	SHA256 string `json:"sha256,omitempty"`

	Volume  drivers.Volume `json:"volume"`
	Refused bool           `json:"refused,omitempty"` // a volume of that name is there, and not ours
}

type importRun = Run[ImportImage, importedImage]

var importImage = Plan[ImportImage, importedImage]{
	Steps: []Step[ImportImage, importedImage]{
		{Name: "Bring the file and check it", Do: bringFile, Undo: dropFile},
		{Name: "Put it into the pool", Do: putVolume, Undo: dropVolume},
	},
	End: endImport,
}

func bringFile(ctx context.Context, r *importRun) (drivers.Task, error) {
	in := r.In
	dropTemporary(r)
	switch {
	case in.File != "":
		f, err := os.Open(in.File)
		if err != nil {
			return drivers.Task{}, fault.New(fault.Unavailable, "the image that comes with NovaCron is not on this replica").Because(err)
		}
		defer func() { _ = f.Close() }()
		n, s, err := take(ctx, io.Discard, f, fleet.MaxImageBytes, func(int64) {})
		return drivers.Task{Done: true}, accept(r, f, n, s, in.Checksum, err)
	case in.Upload && r.body == nil && r.op.Steps[0].Attempts > 1:
		return drivers.Task{}, fault.New(fault.Canceled, "what was being sent broke off").With("Send it again.")
	case in.Upload && r.body == nil:
		return drivers.Task{}, fault.New(fault.Canceled, "nothing was sent").With("Ask for a new place to send it to.")
	case in.Upload:
		err := bring(ctx, r, r.body, in.Size, in.Checksum)
		if err == nil && in.Size > 0 && r.Mem.Size != in.Size {
			err = fault.New(fault.Invalid, "%d bytes came of %d", r.Mem.Size, in.Size).At("sizeBytes").With("Send all of it.")
		}
		if fault.KindOf(err).Retryable() { // what was read is gone: nobody can try again but the sender
			err = fault.New(fault.Canceled, "what was being sent broke off").With("Send it again.").Because(err)
		}
		return drivers.Task{Done: true}, err
	}
	checksum := in.Checksum
	if in.Sums != "" {
		var err error
		if checksum, err = r.engine.o.Images.promised(ctx, in.Sums, path.Base(in.URL)); err != nil {
			return drivers.Task{}, err
		}
	}
	response, err := r.engine.o.Images.open(ctx, in.URL, checksum != "")
	if err != nil {
		return drivers.Task{}, err
	}
	defer func() { _ = response.Body.Close() }()
	return drivers.Task{Done: true}, bring(ctx, r, response.Body, response.ContentLength, checksum)
}

// bring puts a body on this machine's disk. Nothing has seen it but its checksum and the checks of
// accept by the time it is used.
func bring(ctx context.Context, r *importRun, body io.Reader, size int64, checksum string) error {
	if size > fleet.MaxImageBytes {
		return fault.New(fault.Exhausted, "the file is larger than %d GiB", fleet.MaxImageBytes>>30).With("Use a smaller image, or register a volume of a pool.")
	}
	f, err := os.CreateTemp(r.engine.o.Images.Dir, temporary+"*")
	if err != nil {
		return noRoom(err)
	}
	defer func() { _ = f.Close() }()
	r.Mem.File = f.Name()
	n, s, err := take(ctx, f, body, fleet.MaxImageBytes, func(n int64) {
		part := -1.0
		if size > 0 {
			part = float64(n) / float64(size)
		}
		r.Say(part, fmt.Sprintf("%d MiB brought", n>>20))
	})
	if err := accept(r, f, n, s, checksum, err); err != nil {
		dropTemporary(r)
		return err
	}
	return nil
}

// accept judges a file that was brought: its checksum, and what it is.
func accept(r *importRun, f *os.File, n int64, s sums, checksum string, err error) error {
	if err == nil && checksum != "" {
		err = s.is(checksum)
	}
	if err != nil {
		return err
	}
	format, err := examine(f, n, r.In.Format)
	if err != nil {
		return err
	}
	r.Mem.Format, r.Mem.Size, r.Mem.SHA256 = format, n, hex.EncodeToString(s.sha256.Sum(nil))
	return nil
}

func putVolume(ctx context.Context, r *importRun) (drivers.Task, error) {
	name := r.Mem.File
	if r.In.File != "" {
		name = r.In.File
	}
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) { // another replica brought it, to its own disk
		if r.In.Upload {
			return drivers.Task{}, fault.New(fault.Canceled, "the replica that took the file in is gone").With("Send it again.")
		}
		if _, err := bringFile(ctx, r); err != nil {
			return drivers.Task{}, err
		}
		f, err = os.Open(r.Mem.File)
	}
	if err != nil {
		return drivers.Task{}, fault.New(fault.Internal, "the file that was brought cannot be read").Because(err)
	}
	defer func() { _ = f.Close() }()
	conn, err := r.Conn(ctx)
	if err != nil {
		return drivers.Task{}, err
	}
	sent := &counting{f: f, told: func(n int64) {
		r.Say(float64(n)/float64(r.Mem.Size), fmt.Sprintf("%d of %d MiB sent", n>>20, r.Mem.Size>>20))
	}}
	r.Mem.Volume, err = conn.PutVolume(ctx, r.In.Volume, r.Token(), r.Mem.Format, r.Mem.Size, sent)
	r.Mem.Refused = fault.Is(err, fault.Exists)
	return drivers.Task{Done: true}, err
}

// counting is a file that tells how much of it was read.
type counting struct {
	f    *os.File
	n    int64
	told func(int64)
}

func (c *counting) Read(b []byte) (int, error) {
	n, err := c.f.Read(b)
	c.n += int64(n)
	c.told(c.n)
	return n, err
}

func dropVolume(ctx context.Context, r *importRun) (drivers.Task, error) {
	if r.Mem.Refused {
		return done()
	}
	conn, err := r.Conn(ctx)
	if err == nil {
		err = conn.DeleteVolume(ctx, r.In.Volume)
	}
	return drivers.Task{Done: true}, gone(err)
}

func dropFile(_ context.Context, r *importRun) (drivers.Task, error) {
	dropTemporary(r)
	return done()
}

// temporary begins the names of files that wait to be put into a pool.
const temporary = "novacron-image-"

func dropTemporary(r *importRun) {
	if r.Mem.File != "" {
		_ = os.Remove(r.Mem.File) // not there: another replica's
		r.Mem.File = ""
	}
}

// endImport says how the image stands.
func endImport(ctx context.Context, tx *store.Store, r *importRun, end fleet.OperationStatus) error {
	i, err := tx.Image(ctx, fleet.System(), *r.op.TargetID)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	i.Status = fleet.ImageFailed
	if end == fleet.OperationSucceeded {
		i.Status, i.Format, i.SHA256 = fleet.ImageReady, r.Mem.Format, r.Mem.SHA256
		i.CapacityBytes, i.SizeBytes = r.Mem.Volume.CapacityBytes, r.Mem.Volume.UsedBytes
		if i.SizeBytes == 0 {
			i.SizeBytes = r.Mem.Size
		}
		file := r.Mem.File
		tx.AfterCommit(func() {
			if file != "" {
				_ = os.Remove(file)
			}
		})
	}
	if err := tx.UpdateImage(ctx, i); err != nil {
		return err
	}
	return events.Record(ctx, tx, i.Event(fleet.Updated))
}

// sweep removes the files of imports that this machine will not finish: it was switched off, or another
// replica went on.
func (f Fetcher) sweep() {
	dir := f.Dir
	if dir == "" {
		dir = os.TempDir()
	}
	all, _ := os.ReadDir(dir)
	for _, e := range all {
		info, err := e.Info()
		if err == nil && len(e.Name()) > len(temporary) && e.Name()[:len(temporary)] == temporary && time.Since(info.ModTime()) > 48*time.Hour {
			_ = os.Remove(path.Join(dir, e.Name()))
		}
	}
}

// DeleteImage is the input of DELETE_IMAGE.
type DeleteImage struct {
	Volume *drivers.VolumeRef // to be removed with it; nil: the volume stays
}

var deleteImage = Plan[DeleteImage, none]{
	Steps: []Step[DeleteImage, none]{
		{Name: "Remove the image", Do: func(ctx context.Context, r *Run[DeleteImage, none]) (drivers.Task, error) {
			if r.In.Volume == nil {
				return done()
			}
			conn, err := r.Conn(ctx)
			if err == nil {
				err = conn.DeleteVolume(ctx, *r.In.Volume)
			}
			return drivers.Task{Done: true}, gone(err)
		}},
	},
	End: func(ctx context.Context, tx *store.Store, r *Run[DeleteImage, none], end fleet.OperationStatus) error {
		if end != fleet.OperationSucceeded {
			return nil
		}
		i, err := tx.Image(ctx, fleet.System(), *r.op.TargetID)
		if err == nil {
			err = tx.DeleteImage(ctx, fleet.System(), i.ID)
		}
		if err != nil {
			return gone(err)
		}
		return events.Record(ctx, tx, i.Event(fleet.Removed))
	},
}
