package brakes

// counts are numbers by course, and their sum.
type counts struct {
	total int
	in    map[string]int
}

func (c *counts) add(course string, n int) {
	if c.in == nil {
		c.in = map[string]int{}
	}
	c.total += n
	if c.in[course] += n; c.in[course] == 0 {
		delete(c.in, course)
	}
}
