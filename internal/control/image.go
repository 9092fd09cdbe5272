package control

import (
	"context"
	"io"

	"github.com/google/uuid"

	"github.com/novacron/novacron/internal/fleet"
)

// Catalog is the images that can be imported with one click.
func (c *Control) Catalog(ctx context.Context) ([]fleet.CatalogImage, error) {
	return nil, unbuilt()
}

// ImportImage brings an image from the catalogue or a URL.
func (c *Control) ImportImage(ctx context.Context, n fleet.NewImage) (*fleet.Operation, *fleet.Image, error) {
	return nil, nil, unbuilt()
}

// UploadImage gives a place to send an image to: a path on the API's own origin, good for an hour, once.
func (c *Control) UploadImage(ctx context.Context, n fleet.NewUpload) (path string, o *fleet.Operation, i *fleet.Image, err error) {
	return "", nil, nil, unbuilt()
}

// ReceiveUpload takes in what was sent to the path with this ticket. The ticket says who; the context
// needs no viewer. length is the request's Content-Length, -1 when it has none. It returns when the
// image is in its pool, or with the reason why it is not.
func (c *Control) ReceiveUpload(ctx context.Context, ticket string, body io.Reader, length int64) error {
	return unbuilt()
}

// RegisterImage makes a volume usable as an image; the volume stays as it is.
func (c *Control) RegisterImage(ctx context.Context, v fleet.VolumeImage) (*fleet.Image, error) {
	return nil, unbuilt()
}

// DeleteImage forgets an image, and removes its volume if asked.
func (c *Control) DeleteImage(ctx context.Context, image uuid.UUID, volume bool) (*fleet.Operation, error) {
	return nil, unbuilt()
}
