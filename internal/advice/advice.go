// Package advice says what a person can do about the state of an object. docs/states.md says the same.
package advice

import "rollcall.dev/rollcall/api/v1alpha1"

// For gives one to three sentences for a reason of Ready; nothing for a word that is none.
func For(reason string) string { return advice[reason] }

var advice = map[string]string{
	// In step
	v1alpha1.ReasonSynced:    "Nothing.",
	v1alpha1.ReasonConnected: "Nothing.",
	v1alpha1.ReasonUpcoming:  "Nothing: from spec.startDate on the mentor is shown.",
	v1alpha1.ReasonEnded:     "Nothing. To go on, move spec.endDate; else delete it whenever you like.",
	v1alpha1.ReasonDelivered: "Nothing. What becomes of it behind the mail server, that server's logs tell by the Message-ID.",

	// Working, or held
	v1alpha1.ReasonQueued:              "Wait: it goes on by itself. If it stays so, see whether the Course and the LearningPlatform are Ready.",
	v1alpha1.ReasonRetrying:            "Wait: it is tried again by itself. If it stays so for hours, show the last error to an administrator of the LMS, or that of a message to one of the mail server.",
	v1alpha1.ReasonThrottled:           "Wait: it goes on by itself.",
	v1alpha1.ReasonRegistrationLimited: "Raise REGISTRATION_RATELIMIT on the LMS (it ships as 60 a week), or use eox-core. One learner tries it again every hour.",
	v1alpha1.ReasonRegistrationClosed:  "Open account creation on the LMS, or use eox-core. One learner tries it again every hour.",
	v1alpha1.ReasonPlatformUnavailable: "See what the LearningPlatform says. When it is Ready, this goes on by itself.",
	v1alpha1.ReasonSuspended:           "Lift spec.suspend of the Contact when the work is to go on.",
	v1alpha1.ReasonDeleting:            "Wait: the enrollments are withdrawn first. To let go without that, set spec.deletionPolicy: Orphan.",
	v1alpha1.ReasonAwaitingFirstLogin:  "Wait for the first login: the courses are there then, or, where the Enrollment says that it follows, some hours later.",
	v1alpha1.ReasonWouldCreate:         "Nothing, while you observe. With spec.mode: Enforce of the LearningPlatform it is done.",
	v1alpha1.ReasonWouldEnroll:         "Nothing, while you observe. With spec.mode: Enforce of the LearningPlatform it is done.",
	v1alpha1.ReasonWouldWithdraw:       "Nothing, while you observe. With spec.mode: Enforce of the LearningPlatform it is done.",
	v1alpha1.ReasonUnreachable:         "See whether the LMS is up, and can be reached from the cluster. It is looked at again within a minute.",

	// Conflicts
	v1alpha1.ReasonCourseNotFound:      "Check the course code. If it is right, make the Course that carries it, or give that Course the spec.courseKey of a course on the LMS.",
	v1alpha1.ReasonCourseNotReady:      "End the conflict of the Course, which its own state names.",
	v1alpha1.ReasonCourseCodeClaimed:   "Delete the older object, which the message names, or this one.",
	v1alpha1.ReasonCourseClaimed:       "Give one of the two other days, or delete it; the message names the older one.",
	v1alpha1.ReasonEmailNotFound:       "Add the entry that the message names to the ConfigMap, or correct emailFrom.",
	v1alpha1.ReasonEmailInvalid:        "Correct the entry of the ConfigMap that the message names.",
	v1alpha1.ReasonModeUnavailable:     "Offer the mode in the course on the LMS, or change spec.mode of the Course to one of its status.modes.",
	v1alpha1.ReasonEmailInUse:          "Find out whose address it is. Give the other contact, which the message names, another address, on the LMS too, or delete it; or send this one with another address.",
	v1alpha1.ReasonEmailUnavailable:    "Ask an administrator of the LMS to free the address, or send the document with another one.",
	v1alpha1.ReasonUsernameUnavailable: "Ask an administrator of the LMS to free one of the usernames that are derived from name and contact ID.",
	v1alpha1.ReasonAccountRefused:      "Change the attribute that the message names, and send the document again.",
	v1alpha1.ReasonAwaitingActivation:  "Have the account activated on the LMS: by the learner, or by an administrator.",
	v1alpha1.ReasonLearnerNotFound:     "Wait: the Contact finds the learner's account again, or makes one.",
	v1alpha1.ReasonContactNotReady:     "See to the Contact first: its own state says why it has no account.",
	v1alpha1.ReasonEnrollmentClosed:    "See on the LMS whether the course is closed, not yet open or full, and let the learner in.",
	v1alpha1.ReasonEnrollmentRefused:   "Ask an administrator of the LMS which policy, such as a country restriction, keeps the learner out.",
	v1alpha1.ReasonDrifted:             "Set right on the LMS what the message says, or set spec.driftPolicy: Correct of the LearningPlatform.",
	v1alpha1.ReasonServerError:         "Show the message to an administrator of the LMS, who has to mend the fault there.",
	v1alpha1.ReasonMailNotConfigured:   "Set spec.learners.mail of the LearningPlatform, or make the Secret that the message names, with the keys username and password.",
	v1alpha1.ReasonMailMisconfigured:   "Set right in spec.learners.mail, in its Secret or on the mail server what the message says. A change in the cluster takes effect at once.",
	v1alpha1.ReasonNoRecipient:         "Make a CourseMentor for the course, or set right the address that the message names; for support, set spec.learners.support of the LearningPlatform.",

	// Stalled
	v1alpha1.ReasonRemovalHeld:         "See whether so many learners are to lose their course. If so, release them as docs/removals-held.md says; if not, correct the documents.",
	v1alpha1.ReasonAccountRetired:      "Send a document with another e-mail address, or delete the contact.",
	v1alpha1.ReasonInvalidUsername:     "Ask an administrator of the LMS to widen its rule for usernames.",
	v1alpha1.ReasonRequestRefused:      "Please report it with the message: Rollcall and the LMS understand each other wrongly.",
	v1alpha1.ReasonCredentialsNotFound: "Make the Secret, with the keys client-id and client-secret.",
	v1alpha1.ReasonCredentialsRefused:  "Compare the Secret with the OAuth2 application on the LMS.",
	v1alpha1.ReasonNotStaff:            "Give the application's user is_staff.",
	v1alpha1.ReasonRouteUnavailable:    "Install the plug-in on the LMS, or choose another route.",
	v1alpha1.ReasonUndeliverable:       "Correct the address of the CourseMentor or of support: the message is sent again then. If it is the message that is refused, read it and answer the learner yourself.",
	v1alpha1.ReasonUnconfirmed:         "See in the logs of the mail server, by the Message-ID, whether it has the message. If it has, delete the object: until then the learner reads that it failed. If not, make it answer within 10 minutes, and ask for a check.",
	v1alpha1.ReasonLearnerGone:         "Nothing: a message goes with the Contact that owns it. One without an owner, which was made by hand, is sent if there is a Contact with the name again.",
	v1alpha1.ReasonInvalidTimeZone:     "Use a name of the IANA database, such as Europe/Berlin.",
}
