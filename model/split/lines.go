package split

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxLine is more than a line of negatives can need.
const maxLine = 1 << 18

// lines calls each for every line of a file, with its number from 1. Errors name the file and the line.
func lines(r io.Reader, file string, most int, each func(number int, line string) error) error {
	scan := bufio.NewScanner(r)
	scan.Buffer(make([]byte, 0, 1<<14), maxLine)
	n := 0
	for scan.Scan() {
		n++
		if n > most {
			return fmt.Errorf("%s: more than %d lines", file, most)
		}
		line := strings.TrimSuffix(scan.Text(), "\r")
		if line == "" {
			return fmt.Errorf("%s: line %d is empty: take it out", file, n)
		}
		if err := each(n, line); err != nil {
			return fmt.Errorf("%s: line %d: %w", file, n, err)
		}
	}
	switch err := scan.Err(); {
	case errors.Is(err, bufio.ErrTooLong):
		return fmt.Errorf("%s: line %d is longer than %d bytes", file, n+1, maxLine)
	case err != nil:
		return fmt.Errorf("%s: read line %d: %w", file, n+1, err)
	case n == 0:
		return fmt.Errorf("%s: there is not a line in it", file)
	}
	return nil
}

// number reads a whole number from 0 to most: digits alone, without a leading zero.
func number(field, text string, most int64) (int64, error) {
	wrong := func() (int64, error) {
		return 0, fmt.Errorf("%s is %q: want a whole number from 0 to %d", field, cut(text), most)
	}
	if text == "" || len(text) > 18 || (text[0] == '0' && len(text) > 1) {
		return wrong()
	}
	var n int64
	for i := range len(text) {
		d := text[i]
		if d < '0' || d > '9' {
			return wrong()
		}
		n = 10*n + int64(d-'0')
	}
	if n > most {
		return wrong()
	}
	return n, nil
}

func userID(text string) (int, error) {
	n, err := number("user", text, MaxUsers-1)
	return int(n), err
}

func itemID(field, text string) (int, error) {
	n, err := number(field, text, MaxItems-1)
	return int(n), err
}

// cut keeps a hostile value from filling the screen.
func cut(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}
