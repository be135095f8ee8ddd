import { describe, expect, test } from 'vitest'
import { checkContent } from '../../src/contents/check-content.ts'
import { type Accepted, expectAccepted, expectRefused, type Refused } from './content-case.ts'

const accepted: readonly Accepted[] = [
  ['an element', '<a/>'],
  [
    'elements with attributes',
    '<?xml version="1.0" encoding="UTF-8"?>\n<a b="1" c=\'"\'>\n  <d >e</d >\n</a>\n',
  ],
  ['a byte order mark', '\ufeff<?xml version="1.0"?><a/>'],
  ['names with colons and of other scripts', '<x:größe x:名="1"><_.-1/></x:größe>'],
  ['references', '<a b="&lt;&#10;">&amp;&#x1F600;&quot;&apos;&gt;</a>'],
  ['comments anywhere', '<!-- <a> --><a><!-- & < - --></a><!-- -->'],
  ['a CDATA section', '<a><![CDATA[<b> & ]] ]> </c>]]></a>'],
  ['instructions', '<?xml-stylesheet href="<a>"?><a><?php echo "</a>" ?></a><?end?>'],
  ['a DOCTYPE', '<!DOCTYPE a SYSTEM "http://example.com/>a.dtd">\n<a/>'],
  [
    'a DOCTYPE with declarations',
    '<!DOCTYPE a [\n<!-- ]> -->\n<!ENTITY b "]>">\n<!ELEMENT a (#PCDATA)>\n<?p ]> ?>\n]>\n<a>&b;</a>',
  ],
  ['more than an end of a tag in a value', '<a b="/>" c="a > b"></a>'],
  ['a declaration of all that it can have', "<?xml version='1.1' encoding = 'utf-8'\tstandalone='no' ?><a/>"],
  ['a declaration that stands alone', '<?xml version="1.0" standalone="yes"?><a/>'],
  ['instructions of little', '<?a?><a><?b ?><?c\n?><?d ? > ?><?xml-e?></a>'],
  ['a DOCTYPE with nothing but a name', '<!DOCTYPE\na\t><a/>'],
  ['a DOCTYPE with a public name', '<!DOCTYPE x:a PUBLIC "-//A//B" \'c>d\' ><x:a/>'],
  ['a DOCTYPE with declarations from two places', '<!DOCTYPE a SYSTEM "b"[<!ENTITY c "]>">] ><a>&c;</a>'],
  [
    'references to the first and last of all characters',
    '<a>&#9;&#xD7ff;&#xE000;&#65533;&#x10000;&#x0010FFFF;</a>',
  ],
  ['128 levels', '<a>'.repeat(128) + '</a>'.repeat(128)],
]

const refused: readonly Refused[] = [
  ['nothing', '', 1, 1],
  ['text', 'a', 1, 1],
  ['a comment alone', '<!-- a -->\n', 2, 1],
  ['an element without an end', '<a>\n  <b>\n</a>', 3, 1],
  ['elements without an end', '<a>\n  <b>\n', 2, 3],
  ['an end without an element', '<a/></a>', 1, 5],
  ['the wrong end', '<a><b></a></b>', 1, 7],
  ['an end in another case', '<a></A>', 1, 4],
  ['two elements', '<a/>\n<b/>', 2, 1],
  ['two elements that are not empty', '<a></a>\n<b></b>', 2, 1],
  ['text behind', '<a/>\n text', 2, 2],
  ['text before', ' text <a/>', 1, 2],
  ['a tag without an end', '<a', 1, 3],
  ['a tag in a tag', '<a <b/>', 1, 3],
  ['an attribute without quotes', '<a b=1/>', 1, 3],
  ['an attribute without a value', '<a b/>', 1, 3],
  ['an attribute twice', '<a b="1"\n b="2"/>', 1, 9],
  ['attributes without a space', '<a b="1"c="2"/>', 1, 9],
  ['a quote without an end', '<a b="1/>', 1, 3],
  ['a < in a value', '<a b="<"/>', 1, 3],
  ['a < in a text', '<a>1 < 2</a>', 1, 6],
  ['a name that begins with a digit', '<1a/>', 1, 1],
  ['a lone ampersand', '<a>b & c</a>', 1, 6],
  ['a lone ampersand in a value', '<a b="1&2"/>', 1, 8],
  ['a reference without an end', '<a>&amp</a>', 1, 4],
  ['an entity that nobody declares', '<a>\n&nbsp;</a>', 2, 1],
  ['a reference to no character', '<a>\n&#0;</a>', 2, 1],
  ['a reference to a control character', '<a>&#x1f;</a>', 1, 4],
  ['a reference to half of a character', '<a>&#xD800;</a>', 1, 4],
  ['a reference to the other half', '<a>&#57343;</a>', 1, 4],
  ['a reference to a character that is none', '<a b="&#xFFFE;"/>', 1, 7],
  ['a reference beyond all characters', '<a>&#x110000;</a>', 1, 4],
  ['a reference far beyond all characters', `<a>&#${'9'.repeat(400)};</a>`, 1, 4],
  ['a reference without a number', '<a>&#;</a>', 1, 4],
  ['a reference in another case', '<a>&#X41;</a>', 1, 4],
  ['the end of a section in a text', '<a>]]></a>', 1, 4],
  ['a section outside', '<![CDATA[a]]><a/>', 1, 1],
  ['a section without an end', '<a><![CDATA[</a>', 1, 4],
  ['a comment without an end', '<a/><!-- ->', 1, 5],
  ['two lines in a comment', '<a><!-- b -- c --></a>', 1, 11],
  ['an instruction without an end', '<a/><?b', 1, 5],
  ['a declaration that is not the first', ' <?xml version="1.0"?><a/>', 1, 2],
  ['a declaration in an element', '<a><?xml version="1.0"?></a>', 1, 4],
  ['a declaration in another case', '<?XML version="1.0"?><a/>', 1, 1],
  ['an instruction that is called as the declaration is', '<a>\n<?Xml b?></a>', 2, 1],
  ['a declaration of nothing', '<?xml?><a/>', 1, 1],
  ['a declaration without a version', '<?xml encoding="UTF-8"?><a/>', 1, 1],
  ['a declaration of another version', '<?xml version="9"?><a/>', 1, 1],
  ['a declaration of an encoding that is none', '<?xml version="1.0" encoding=?><a/>', 1, 1],
  ['a declaration in another order', '<?xml version="1.0" standalone="no" encoding="UTF-8"?><a/>', 1, 1],
  ['a declaration of more', '\ufeff<?xml version="1.0" more="1"?><a/>', 1, 2],
  ['an instruction without anything', '<a/>\n<??>', 2, 1],
  ['an instruction without a target', '<? x?><a/>', 1, 1],
  ['an instruction whose target is no name', '<?1?><a/>', 1, 1],
  ['an instruction whose target does not end', '<a><?b/c?></a>', 1, 4],
  ['a DOCTYPE without a name', '<!DOCTYPE><a/>', 1, 1],
  ['a DOCTYPE without a space', '<!DOCTYPEa><a/>', 1, 1],
  ['a DOCTYPE with spaces alone', '<!-- -->\n<!DOCTYPE ><a/>', 2, 1],
  ['a DOCTYPE of two names', '<!DOCTYPE a b><a/>', 1, 13],
  ['a DOCTYPE with half a place', '<!DOCTYPE a PUBLIC "b"><a/>', 1, 13],
  ['a DOCTYPE in another case', '<!doctype a><a/>', 1, 1],
  ['a DOCTYPE with text behind its brackets', '<!DOCTYPE a [] b><a/>', 1, 15],
  ['a DOCTYPE with an instruction that is none', '<!DOCTYPE a [\n<? b?>]><a/>', 2, 1],
  ['a DOCTYPE with a declaration of XML', '<!DOCTYPE a [<?xml version="1.0"?>]><a/>', 1, 14],
  ['a DOCTYPE with two lines in a comment', '<!DOCTYPE a [<!-- b -- c -->]><a/>', 1, 21],
  ['a DOCTYPE without the end of its brackets', '<!DOCTYPE a [ ><a/>', 1, 1],
  ['a DOCTYPE without an end', '<!DOCTYPE a [ ', 1, 1],
  ['a DOCTYPE behind the element', '<a/><!DOCTYPE a>', 1, 5],
  ['two DOCTYPEs', '<!DOCTYPE a><!DOCTYPE a><a/>', 1, 13],
  ['markup that there is not', '<a><!ENTITY b "c"></a>', 1, 4],
  ['a control character', '<a>\n\u0001</a>', 2, 1],
  ['a character that is none', '<a>\uffff</a>', 1, 4],
  ['129 levels', '<a>'.repeat(129) + '</a>'.repeat(129), 1, 385],
]

describe('XML', () => {
  test.each(accepted)('may be %s', (_, content) => {
    expectAccepted('xml', content)
  })

  test.each(refused)('may not be %s', (_, content, line, column) => {
    expectRefused('xml', content, { line, column })
  })

  test('may declare entities that would be billions of characters, as nobody expands them here', () => {
    const entities = Array.from(
      { length: 20 },
      (_, n) => `<!ENTITY e${n} "${n === 0 ? 'x' : `&e${n - 1};`.repeat(10)}">`,
    )
    expectAccepted('xml', `<!DOCTYPE a [${entities.join('')}]><a>&e19;</a>`)
  })

  test('says what is wrong without quoting it', () => {
    expect(() => checkContent('<a>\n<password>secret</a>', 'xml')).toThrow(
      'CONFIG_CONTENT_INVALID: it does not end the element that is open (line 2, column 17)',
    )
  })
})
