package fake

import (
	"bufio"
	"encoding/binary"
	"image"
	"image/color"
	"image/draw"
	"io"
	"strings"
	"time"
)

// The screen: small, so that a picture is sent in no time.
const (
	screenWidth  = 320
	screenHeight = 200
	barHeight    = 8
)

// font has 3 by 5 dots a letter, five rows of an octal digit each.
var font = map[rune]string{
	'A': "25755", 'B': "65656", 'C': "34443", 'D': "65556", 'E': "74647", 'F': "74644", 'G': "34553", 'H': "55755", 'I': "72227",
	'J': "11152", 'K': "55655", 'L': "44447", 'M': "57755", 'N': "65555", 'O': "25552", 'P': "65644", 'Q': "25573", 'R': "65655",
	'S': "34216", 'T': "72222", 'U': "55557", 'V': "55552", 'W': "55775", 'X': "55255", 'Y': "55222", 'Z': "71247", '0': "75557",
	'1': "26227", '2': "71747", '3': "71317", '4': "55711", '5': "74717", '6': "74757", '7': "71111", '8': "75757", '9': "75717",
	'-': "00700", '.': "00002", '_': "00007", '>': "42124",
}

// rfb is a VNC server for one viewer (RFC 6143, version 3.8, no authentication, raw encoding).
type rfb struct {
	io.Writer
	in     *bufio.Reader
	name   string
	typed  []rune
	format pixelFormat
	drawn  string // what was typed when the last picture was sent
}

// pixelFormat is how the viewer wants its pixels.
type pixelFormat struct {
	BitsPerPixel, Depth, BigEndian, TrueColour uint8
	RedMax, GreenMax, BlueMax                  uint16
	RedShift, GreenShift, BlueShift            uint8
	_                                          [3]uint8
}

func serveRFB(p *pipe, name string) {
	s := &rfb{
		Writer: p, in: bufio.NewReader(p), name: name,
		format: pixelFormat{BitsPerPixel: 32, Depth: 24, TrueColour: 1, RedMax: 255, GreenMax: 255, BlueMax: 255, RedShift: 16, GreenShift: 8},
	}
	if s.greet() != nil {
		return
	}
	for s.answer() == nil {
	}
}

func (s *rfb) send(values ...any) error {
	for _, v := range values {
		if err := binary.Write(s, binary.BigEndian, v); err != nil {
			return err
		}
	}
	return nil
}

func (s *rfb) read(v any) error { return binary.Read(s.in, binary.BigEndian, v) }

// greet agrees on the version and on security type 1 (none), and describes the screen.
func (s *rfb) greet() error {
	var version [12]byte
	var choice, shared uint8
	if err := s.send([]byte("RFB 003.008\n")); err != nil {
		return err
	}
	if err := s.read(&version); err != nil {
		return err
	}
	if err := s.send([]byte{1, 1}); err != nil {
		return err
	}
	if err := s.read(&choice); err != nil {
		return err
	}
	if err := s.send(uint32(0)); err != nil {
		return err
	}
	if err := s.read(&shared); err != nil {
		return err
	}
	return s.send(uint16(screenWidth), uint16(screenHeight), s.format, uint32(len(s.name)), []byte(s.name))
}

// answer reads one message of the viewer and does what it asks.
func (s *rfb) answer() error {
	kind, err := s.in.ReadByte()
	if err != nil {
		return err
	}
	switch kind {
	case 0: // SetPixelFormat
		var m struct {
			_ [3]uint8
			F pixelFormat
		}
		if err := s.read(&m); err != nil {
			return err
		}
		if m.F.TrueColour == 0 || m.F.BitsPerPixel%8 != 0 || m.F.BitsPerPixel == 0 || m.F.BitsPerPixel > 32 {
			return io.ErrUnexpectedEOF
		}
		s.format = m.F
		s.drawn = "\x00"
		return nil
	case 2: // SetEncodings: raw is always allowed
		var m struct {
			_ uint8
			N uint16
		}
		if err := s.read(&m); err != nil {
			return err
		}
		_, err := s.in.Discard(4 * int(m.N))
		return err
	case 3: // FramebufferUpdateRequest
		var m struct {
			Incremental uint8
			_           [8]uint8
		}
		if err := s.read(&m); err != nil {
			return err
		}
		return s.update(m.Incremental != 0)
	case 4: // KeyEvent
		var m struct {
			Down uint8
			_    uint16
			Key  uint32
		}
		if err := s.read(&m); err != nil {
			return err
		}
		if m.Down != 0 {
			s.key(m.Key)
		}
		return nil
	case 5: // PointerEvent
		_, err := s.in.Discard(5)
		return err
	case 6: // ClientCutText
		var m struct {
			_ [3]uint8
			N uint32
		}
		if err := s.read(&m); err != nil {
			return err
		}
		_, err := io.CopyN(io.Discard, s.in, int64(m.N))
		return err
	}
	return io.ErrUnexpectedEOF
}

func (s *rfb) key(k uint32) {
	switch {
	case k == 0xff08 && len(s.typed) > 0:
		s.typed = s.typed[:len(s.typed)-1]
	case k == 0xff0d:
		s.typed = nil
	case k >= ' ' && k < 127:
		s.typed = append(s.typed, rune(k))
	}
}

// update sends the picture: all of it when asked for or when something was typed, else the moving bar.
func (s *rfb) update(incremental bool) error {
	area := image.Rect(0, 0, screenWidth, screenHeight)
	if incremental {
		time.Sleep(100 * time.Millisecond) // ten pictures a second are enough
		if string(s.typed) == s.drawn {
			area.Min.Y = screenHeight - barHeight
		}
	}
	s.drawn = string(s.typed)
	picture := s.paint()
	out := make([]byte, 0, area.Dx()*area.Dy()*int(s.format.BitsPerPixel)/8)
	for y := area.Min.Y; y < area.Max.Y; y++ {
		for x := area.Min.X; x < area.Max.X; x++ {
			out = s.format.add(out, picture.RGBAAt(x, y))
		}
	}
	return s.send([]byte{0, 0}, uint16(1), uint16(area.Min.X), uint16(area.Min.Y), uint16(area.Dx()), uint16(area.Dy()), int32(0), out)
}

func (f pixelFormat) add(out []byte, c color.RGBA) []byte {
	v := uint32(c.R)*uint32(f.RedMax)/255<<f.RedShift | uint32(c.G)*uint32(f.GreenMax)/255<<f.GreenShift | uint32(c.B)*uint32(f.BlueMax)/255<<f.BlueShift
	n := int(f.BitsPerPixel / 8)
	for i := range n {
		shift := 8 * i
		if f.BigEndian != 0 {
			shift = 8 * (n - 1 - i)
		}
		out = append(out, byte(v>>shift))
	}
	return out
}

// paint draws the screen: the VM's name, what was typed, and a bar that moves to show that it lives.
func (s *rfb) paint() *image.RGBA {
	p := image.NewRGBA(image.Rect(0, 0, screenWidth, screenHeight))
	h := hash(4, s.name)
	ground := color.RGBA{uint8(16 + h%48), uint8(16 + h>>8%48), uint8(32 + h>>16%64), 255}
	draw.Draw(p, p.Bounds(), image.NewUniform(ground), image.Point{}, draw.Src)
	write(p, 10, 20, 3, s.name)
	write(p, 10, 60, 2, "> "+string(s.typed))
	at := int(time.Now().UnixMilli()/20) % screenWidth
	draw.Draw(p, image.Rect(at, screenHeight-barHeight, at+24, screenHeight), image.White, image.Point{}, draw.Src)
	return p
}

func write(p *image.RGBA, x, y, scale int, text string) {
	for _, r := range strings.ToUpper(text) {
		for row, dots := range font[r] {
			for col := range 3 {
				if (dots-'0')&(4>>col) != 0 {
					dot := image.Rect(0, 0, scale, scale).Add(image.Pt(x+col*scale, y+row*scale))
					draw.Draw(p, dot, image.White, image.Point{}, draw.Src)
				}
			}
		}
		if x += 4 * scale; x > screenWidth {
			return
		}
	}
}
