package openedxtest

import (
	"strconv"
	"strings"
)

// registrationForm is GET /api/user/v1/account/registration/: which fields the form of the platform's defaults has.
func registrationForm(c *call) answer {
	return ok(object{
		"method":     "post",
		"submit_url": c.request.URL.Path,
		"fields": []object{
			textField("name", "Full Name", "text", "This name will be used on any certificates that you earn.", object{"max_length": nameMaxLength}),
			textField("username", "Public Username", "text", "The name that will identify you in your courses. It cannot be changed later.",
				object{"min_length": usernameMinLength, "max_length": usernameMaxLength}),
			textField("email", "Email", "email", "This is what you will use to login.",
				object{"min_length": emailMinLength, "max_length": emailMaxLength}),
			textField("password", "Password", "password", "Your password must contain at least 8 characters.",
				object{"min_length": passwordMinLength, "max_length": passwordMaxLength}),
			optionalField("year_of_birth", "Year of birth", "select", "", yearsOfBirth(c.clock.Now().Year())),
			optionalField("level_of_education", "Highest level of education completed", "select",
				"Select the highest level of education you have completed", educationLevels),
			optionalField("gender", "Gender", "select", "", genders),
			optionalField("mailing_address", "Mailing address", "textarea", "Enter your mailing address", nil),
			optionalField("goals", "Tell us why you're interested in "+platformName, "textarea", "Tell us your goals", nil),
			honorCodeField(),
		},
	}).with("Set-Cookie", "csrftoken="+randomHex()+"; Path=/; SameSite=Lax")
}

const platformName = "Your Platform Name Here"

func formField(name, label, kind string) object {
	return object{
		"name": name, "label": label, "type": kind, "defaultValue": "", "placeholder": "", "instructions": "",
		"exposed": true, "required": true, "restrictions": object{}, "errorMessages": object{},
		"supplementalLink": "", "supplementalText": "", "loginIssueSupportLink": "",
	}
}

func textField(name, label, kind, instructions string, restrictions object) object {
	field := formField(name, label, kind)
	field["instructions"], field["restrictions"] = instructions, restrictions
	return field
}

func optionalField(name, label, kind, missing string, options []object) object {
	field := formField(name, label, kind)
	field["exposed"], field["required"] = false, false
	if missing != "" {
		field["errorMessages"] = object{"required": missing}
	}
	if options != nil {
		field["options"] = options
	}
	return field
}

func honorCodeField() object {
	const gap = "                  "
	label := "By creating an account, you agree to the " + gap +
		"<a href='/honor' rel='noopener' target='_blank'>Terms of Service and Honor Code</a> " + gap +
		"and you acknowledge that " + platformName + " and each Member process your personal data in accordance " + gap +
		"with the <a href='/privacy' rel='noopener' target='_blank'>Privacy Policy</a>."
	field := formField("honor_code", label, "plaintext")
	field["defaultValue"] = false
	field["errorMessages"] = object{"required": "You must agree to the " + platformName + " Terms of Service and Honor Code"}
	return field
}

// selectOptions are the choices of a select, the empty one first. They come as value and label in turn.
func selectOptions(pairs ...string) []object {
	options := []object{{"value": "", "name": "--", "default": true}}
	for i := 0; i < len(pairs); i += 2 {
		options = append(options, object{"value": pairs[i], "name": pairs[i+1], "default": false})
	}
	return options
}

var (
	genders         = selectOptions("m", "Male", "f", "Female", "o", "Other/Prefer Not to Say")
	educationLevels = selectOptions(
		"p", "Doctorate",
		"m", "Master's or professional degree",
		"b", "Bachelor's degree",
		"a", "Associate degree",
		"hs", "Secondary/high school",
		"jhs", "Junior secondary/junior high/middle school",
		"el", "Elementary/primary school",
		"none", "No formal education",
		"other", "Other education",
	)
)

func yearsOfBirth(now int) []object {
	var pairs []string
	for year := now; year > now-120; year-- {
		pairs = append(pairs, strconv.Itoa(year), strconv.Itoa(year))
	}
	return selectOptions(pairs...)
}

// countries are the codes of ISO 3166-1.
var countries = func() map[string]bool {
	set := map[string]bool{}
	for code := range strings.FieldsSeq(`
		AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ
		CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR
		GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP
		KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT
		MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW
		SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ
		UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW`) {
		set[code] = true
	}
	return set
}()
