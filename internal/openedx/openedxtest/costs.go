package openedxtest

import "time"

// What calls cost a real platform with two workers on two cores, as measured (one at a time). Those not in the list of
// measurements are set to what their like cost.
const (
	realWorkers = 2

	costPassword    = 160 * time.Millisecond // the part of making an account in which others can come between
	costRegister    = 207 * time.Millisecond // besides the password
	costEoxUser     = 16 * time.Millisecond  // besides the password
	costLookUp      = 10 * time.Millisecond
	costPerAccount  = 3500 * time.Microsecond
	costPerAddress  = 40 * time.Microsecond
	costEnroll      = 44 * time.Millisecond
	costEnrollAgain = 20 * time.Millisecond
	costEoxList     = 17 * time.Millisecond
	costEoxEach     = 26 * time.Millisecond
	costEoxAgain    = 14500 * time.Microsecond
	costOther       = 13 * time.Millisecond

	// transitEoxSingle is how much longer single eox-core enrollments take than they keep a worker busy:
	// one after the other there are 17 a second, four at a time 46.
	transitEoxSingle = 15 * time.Millisecond

	// quickHash takes the place of costPassword where calls cost nothing.
	quickHash = time.Millisecond
)

// costOfRoute is what a call costs before its handler adds for what it does.
func costOfRoute(name string) time.Duration {
	switch name {
	case "/api/user/{version}/account/registration/":
		return costRegister
	case "/eox-core/api/v1/user/":
		return costEoxUser
	case "/api/user/v1/accounts", "/api/user/v1/accounts/search_emails":
		return costLookUp
	case "/api/enrollment/v1/enrollment", "/api/bulk_enroll/v1/bulk_enroll", "/eox-core/api/v1/enrollment/":
		return 0
	default:
		return costOther
	}
}
