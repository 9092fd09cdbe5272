package fake

import (
	"encoding/binary"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/novacron/novacron/drivers"
)

// TestRFB is a viewer: it greets, asks for 16-bit pixels, types, and looks at two pictures.
func TestRFB(t *testing.T) {
	d := open(t, NewWorld(Options{}), "a").(*Driver)
	s, err := d.Console(t.Context(), made(t, d, "web-01", true), drivers.ConsoleRequest{Kind: drivers.ConsoleVNC})
	require.NoError(t, err)
	defer s.Close()
	read := func(n int) []byte {
		b := make([]byte, n)
		_, err := io.ReadFull(s, b)
		require.NoError(t, err)
		return b
	}
	send := func(b ...byte) {
		_, err := s.Write(b)
		require.NoError(t, err)
	}
	assert.Equal(t, "RFB 003.008\n", string(read(12)))
	send([]byte("RFB 003.008\n")...)
	assert.Equal(t, []byte{1, 1}, read(2))
	send(1)
	assert.Equal(t, []byte{0, 0, 0, 0}, read(4))
	send(1)
	hello := read(24)
	assert.Equal(t, uint16(screenWidth), binary.BigEndian.Uint16(hello))
	assert.Equal(t, "web-01", string(read(int(binary.BigEndian.Uint32(hello[20:])))))

	send(0, 0, 0, 0, 16, 16, 0, 1, 0, 31, 0, 63, 0, 31, 11, 5, 0, 0, 0, 0) // SetPixelFormat: 565
	send(2, 0, 0, 1, 0, 0, 0, 0)                                           // SetEncodings: raw
	picture := func() (lit int) {
		send(3, 0, 0, 0, 0, 0, 1, 64, 0, 200)
		head := read(16)
		require.Equal(t, byte(0), head[0])
		require.Equal(t, uint16(screenHeight), binary.BigEndian.Uint16(head[10:]))
		pixels := read(2 * screenWidth * screenHeight)
		for i := 0; i < len(pixels)-2*screenWidth*barHeight; i += 2 {
			if pixels[i] == 0xff && pixels[i+1] == 0xff {
				lit++
			}
		}
		return lit
	}
	before := picture()
	assert.Positive(t, before, "the name is written on it")
	send(4, 1, 0, 0, 0, 0, 0, 'A')
	assert.Equal(t, before+10*4, picture(), "an A has ten dots, each of four pixels")
	send(4, 1, 0, 0, 0, 0, 0xff, 0x08)
	assert.Equal(t, before, picture(), "backspace")
	send(255)
	_, err = io.ReadAll(s)
	assert.NoError(t, err, "a message that there is not ends the session")
}
