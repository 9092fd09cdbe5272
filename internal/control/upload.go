package control

import (
	"context"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/novacron/novacron/internal/fault"
	"github.com/novacron/novacron/internal/fleet"
	"github.com/novacron/novacron/internal/operations"
	"github.com/novacron/novacron/internal/store"
)

const (
	uploadPurpose = "upload"
	uploadFor     = time.Hour // to begin; the sending itself may take longer
)

type uploadTicket struct {
	Operation uuid.UUID `json:"operation"`
	SizeBytes int64     `json:"sizeBytes"`
}

// UploadImage gives a place to send an image to: a path on the API's own origin, good for an hour, once.
func (c *Control) UploadImage(ctx context.Context, n fleet.NewUpload) (path string, o *fleet.Operation, i *fleet.Image, err error) {
	viewer, err := c.may(ctx, "uploadImage")
	if err != nil {
		return "", nil, nil, err
	}
	i = &fleet.Image{ProviderID: n.ProviderID, Pool: n.Pool, Name: n.Name, Format: n.Format, Source: "sent by " + viewer.Name}
	if err := checkImage(i, n.Checksum, false); err != nil {
		return "", nil, nil, err
	}
	if n.SizeBytes <= 0 || n.SizeBytes > fleet.MaxImageBytes {
		return "", nil, nil, fault.Field("sizeBytes", "Send 1 byte to 64 GiB.", "%d bytes is no size for an image", n.SizeBytes)
	}
	err = c.store.Tx(ctx, func(tx *store.Store) error {
		now, err := tx.Now(ctx)
		if err != nil {
			return err
		}
		// Due when we stop waiting: whoever takes it up then finds that nothing was sent.
		o, err = c.bring(ctx, tx, viewer, "uploadImage", i, operations.ImportImage{Upload: true, Format: n.Format, Size: n.SizeBytes,
			Checksum: strings.ToLower(n.Checksum)}, now.Add(uploadFor))
		if err != nil {
			return err
		}
		secret, _, err := c.ticket(ctx, tx, viewer, uploadPurpose, uploadFor, uploadTicket{o.ID, n.SizeBytes})
		path = "/uploads/" + secret
		return err
	})
	if err != nil {
		return "", nil, nil, err
	}
	return path, o, i, nil
}

// ReceiveUpload takes in what was sent to the path with this ticket. The ticket says who; the context
// needs no viewer. length is the request's Content-Length, -1 when it has none. It returns when the
// image is in its pool, or with the reason why it is not.
func (c *Control) ReceiveUpload(ctx context.Context, ticket string, body io.Reader, length int64) error {
	var what uploadTicket
	scope, err := c.use(ctx, uploadPurpose, ticket, &what)
	if err != nil {
		return err
	}
	if length >= 0 && length != what.SizeBytes {
		err := c.store.Tx(ctx, func(tx *store.Store) error {
			_, err := c.ops.Cancel(ctx, tx, scope, what.Operation)
			return err
		})
		if err != nil {
			return err
		}
		return fault.Field("sizeBytes", "Ask for a new place, with the length that it has.", "%d bytes were announced, and %d are being sent", what.SizeBytes, length)
	}
	return c.ops.RunHere(ctx, what.Operation, body)
}
