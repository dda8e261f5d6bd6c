package pdf

// page is what is drawn of one page.
type page struct {
	contents  []any
	resources dict
}

// pages is the pages in order: from the tree of the catalog, or, when that is
// broken, as they stand in the file.
func (f *file) pages() []page {
	var list []page
	seen := map[ref]bool{}
	var walk func(v any, resources dict, depth int)
	walk = func(v any, resources dict, depth int) {
		if r, ok := v.(ref); ok {
			if seen[r] {
				return
			}
			seen[r] = true
		}
		d := f.dict(v)
		if d == nil || depth > maxDepth || len(list) >= maxPages {
			f.cut = f.cut || len(list) >= maxPages
			return
		}
		if own := f.dict(d["Resources"]); own != nil {
			resources = own
		}
		if kids := f.array(d["Kids"]); kids != nil {
			for _, kid := range kids {
				walk(kid, resources, depth+1)
			}
			return
		}
		list = append(list, f.page(d, resources))
	}
	walk(f.dict(f.root)["Pages"], nil, 0)
	if len(list) > 0 {
		return list
	}
	for n := range f.all() {
		if d, ok := f.get(n).(dict); ok && d["Type"] == name("Page") && len(list) < maxPages {
			list = append(list, f.page(d, f.dict(d["Resources"])))
		}
	}
	return list
}

func (f *file) page(d dict, resources dict) page {
	p := page{resources: resources}
	switch v := f.resolve(d["Contents"]).(type) {
	case *stream:
		p.contents = []any{v}
	case array:
		p.contents = v
	}
	return p
}

// content is all of a page's instructions.
func (f *file) content(p page) []byte {
	var all []byte
	for _, c := range p.contents {
		if s, ok := f.resolve(c).(*stream); ok {
			all = append(append(all, f.decode(s)...), '\n')
		}
	}
	return all
}
