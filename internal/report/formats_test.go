package report

import (
	"strings"
	"testing"
	"time"
)

var made = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func sample() *Report {
	swept := made.Add(-3 * time.Hour)
	return &Report{
		Made: made,
		Courses: []Course{
			{Namespace: "sales", Platform: "default", Code: "1234A", Title: "Nets & <b>Wires</b>", Swept: swept,
				Sold: 12, Enrolled: 15, Missing: 1, OtherMode: 2, Overdue: 3, Unsold: 4, Strangers: 5},
			{Namespace: "sales", Platform: "default", Code: "1235A"},
		},
		Accounts: []Accounts{{Namespace: "sales", Platform: "default", Swept: swept, Compared: 40, Missing: 6, Inactive: 7, Changed: 8}},
	}
}

func write(t *testing.T, format string, r *Report) string {
	t.Helper()
	var written strings.Builder
	if err := Formats[format](r, &written); err != nil {
		t.Fatal(err)
	}
	return written.String()
}

func TestTheTableSaysHowOldEachSweepIs(t *testing.T) {
	const want = `NAMESPACE   PLATFORM   COURSE   SOLD   ENROLLED   MISSING   OTHER MODE   OVERDUE   UNSOLD   STRANGERS   SWEPT
sales       default    1234A    12     15         1         2            3         4        5           3h ago
sales       default    1235A    –      –          –         –            –         –        –           never

NAMESPACE   PLATFORM   ACCOUNTS   MISSING   INACTIVE   CHANGED   SWEPT
sales       default    40         6         7          8         3h ago
`
	if got := write(t, "table", sample()); got != want {
		t.Errorf("wrote\n%s", got)
	}
}

func TestTheCSVHasARowForEachCount(t *testing.T) {
	const want = `namespace,platform,course,kind,count,swept
sales,default,1234A,sold,12,2026-03-02T09:00:00Z
sales,default,1234A,enrolled,15,2026-03-02T09:00:00Z
sales,default,1234A,missing,1,2026-03-02T09:00:00Z
sales,default,1234A,other_mode,2,2026-03-02T09:00:00Z
sales,default,1234A,overdue,3,2026-03-02T09:00:00Z
sales,default,1234A,unsold,4,2026-03-02T09:00:00Z
sales,default,1234A,stranger,5,2026-03-02T09:00:00Z
sales,default,1235A,sold,,
sales,default,1235A,enrolled,,
sales,default,1235A,missing,,
sales,default,1235A,other_mode,,
sales,default,1235A,overdue,,
sales,default,1235A,unsold,,
sales,default,1235A,stranger,,
sales,default,,account,40,2026-03-02T09:00:00Z
sales,default,,account_missing,6,2026-03-02T09:00:00Z
sales,default,,account_inactive,7,2026-03-02T09:00:00Z
sales,default,,account_changed,8,2026-03-02T09:00:00Z
`
	if got := write(t, "csv", sample()); got != want {
		t.Errorf("wrote\n%s", got)
	}
}

func TestThePageNeedsNothingElse(t *testing.T) {
	got := write(t, "html", sample())
	for _, want := range []string{"2026-03-02 12:00 UTC", "Nets &amp; &lt;b&gt;Wires&lt;/b&gt;", `<td class="n off">3</td>`, "3h ago", "never", `<td class="n">–</td>`} {
		if !strings.Contains(got, want) {
			t.Errorf("the page has no %s", want)
		}
	}
	for _, unwanted := range []string{"<script", "http", "<link", "<img", "@import"} {
		if strings.Contains(got, unwanted) {
			t.Errorf("the page has %s", unwanted)
		}
	}
	if empty := write(t, "html", &Report{Made: made}); !strings.Contains(empty, "There are no Courses.") || !strings.Contains(empty, "There are no LearningPlatforms.") {
		t.Errorf("of nothing it says\n%s", empty)
	}
}
