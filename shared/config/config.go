// Package config reads the variables that say who may talk to the agent and
// what it may spend. Model variables are package catalog's, each channel's
// secrets are read where they are used.
package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"instar/shared/people"
)

// Version of the program.
const Version = "0.1.0"

// Agent is the only agent so far; every key in the bucket starts with its name.
const Agent = "main"

// Rules are the owner's rules.
type Rules struct {
	Owners      people.Owners
	Addresses   []string // the owner's own, beside the chats
	DailyBudget float64  // US dollars; 0 is no limit
	Zone        *time.Location
	policies    map[string]people.Policy
}

// Policy is what happens with strangers' private messages on a channel.
func (r *Rules) Policy(channel string) people.Policy {
	if p, ok := r.policies[channel]; ok {
		return p
	}
	return people.Closed
}

// Read reads the rules from OWNER, TELEGRAM_DM_POLICY, SLACK_DM_POLICY,
// BUDGET_DAILY_USD, TIMEZONE (default UTC) and OWNER_ADDRESSES. A value that cannot be
// understood is an error that names its variable: running on with a guess could
// let in the wrong person or spend without a limit.
func Read(get func(name string) string) (*Rules, error) {
	r := &Rules{policies: map[string]people.Policy{}}
	var errs [6]error
	r.Owners, errs[0] = people.ParseOwner(get("OWNER"))
	r.policies["telegram"], errs[1] = people.ParsePolicy("TELEGRAM_DM_POLICY", get("TELEGRAM_DM_POLICY"))
	r.policies["slack"], errs[2] = people.ParsePolicy("SLACK_DM_POLICY", get("SLACK_DM_POLICY"))
	r.DailyBudget, errs[3] = parseBudget(get("BUDGET_DAILY_USD"))
	r.Zone, errs[4] = parseZone(get("TIMEZONE"))
	r.Addresses, errs[5] = parseAddresses(get("OWNER_ADDRESSES"))
	return r, errors.Join(errs[:]...)
}

func parseBudget(value string) (float64, error) {
	value = strings.TrimPrefix(strings.TrimSpace(value), "$")
	if value == "" {
		return 0, nil
	}
	usd, err := strconv.ParseFloat(value, 64)
	if err != nil || !(usd > 0 && usd < 1e6) {
		return 0, errors.New("BUDGET_DAILY_USD: must be a number of US dollars above 0, such as 2.50; leave it empty for no limit")
	}
	return usd, nil
}

// maxAddresses is how many addresses of the owner's own there may be.
const maxAddresses = 32

// parseAddresses reads e-mail addresses, telephone numbers and accounts,
// separated by commas.
func parseAddresses(value string) (list []string, err error) {
	for one := range strings.SplitSeq(value, ",") {
		if one = strings.TrimSpace(one); one == "" {
			continue
		}
		if len(one) < 4 || len(one) > 254 || !strings.ContainsAny(one, "@0123456789") {
			return nil, errors.New("OWNER_ADDRESSES: must be your own e-mail addresses, telephone numbers and account numbers, separated by commas")
		}
		list = append(list, one)
	}
	if len(list) > maxAddresses {
		return nil, fmt.Errorf("OWNER_ADDRESSES: at most %d addresses", maxAddresses)
	}
	return list, nil
}

func parseZone(value string) (*time.Location, error) {
	zone, err := time.LoadLocation(strings.TrimSpace(value))
	if err != nil || zone == time.Local {
		return time.UTC, fmt.Errorf("TIMEZONE: must be an IANA name such as Europe/Berlin or Asia/Tokyo")
	}
	return zone, nil
}
