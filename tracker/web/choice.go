package web

import "shopwatch/tracker/api"

// A choice is an entry of a list to choose from.
type choice struct{ Value, Words string }

// known is a value that is among the choices, else the first.
func known(list []choice, value string) string {
	for _, c := range list {
		if c.Value == value {
			return value
		}
	}
	return list[0].Value
}

// choicesMost is how many storefronts a list to choose from has at most: of more,
// people write the name.
const choicesMost = 200

// shopChoices are the storefronts to choose from, none when they are too many.
func shopChoices(pg *page, all []api.Storefront) []choice {
	if len(all) > choicesMost {
		return nil
	}
	list := []choice{{"", "All storefronts"}}
	for i := range all {
		list = append(list, choice{string(all[i].Name), pg.Shop(all[i].Name)})
	}
	return list
}
