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
  ['the end of a section in a text', '<a>]]></a>', 1, 4],
  ['a section outside', '<![CDATA[a]]><a/>', 1, 1],
  ['a section without an end', '<a><![CDATA[</a>', 1, 4],
  ['a comment without an end', '<a/><!-- ->', 1, 5],
  ['two lines in a comment', '<a><!-- b -- c --></a>', 1, 11],
  ['an instruction without an end', '<a/><?b', 1, 5],
  ['a declaration that is not the first', ' <?xml version="1.0"?><a/>', 1, 2],
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
