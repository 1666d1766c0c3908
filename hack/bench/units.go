package main

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// milliseconds is for a time in seconds; one that is not known is empty.
func milliseconds(seconds float64) string {
	if math.IsNaN(seconds) {
		return ""
	}
	return fmt.Sprintf("%.1f ms", 1000*seconds)
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

func mebibytes(bytes int) string { return fmt.Sprintf("%d MiB", bytes>>20) }

// grouped sets the thousands apart.
func grouped(number int) string {
	text := strconv.Itoa(number)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}
