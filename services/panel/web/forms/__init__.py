"""Forms made from the JSON Schema of an application's options: pure, without HTTP or HTML.

reading   schema → form, a tree of fields
entries   options → what a browser would submit for them, and what it did submit
parsing   entries → options, and what is wrong with them
controls  form and entries → what a template shows
profile   which schemas can be shown as a form: the rules of docs/forms.md, checked
"""
