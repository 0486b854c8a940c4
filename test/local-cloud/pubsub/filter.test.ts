import {describe, expect, test} from 'vitest'
import {parseFilter} from '../../../src/local-cloud/pubsub/filter.ts'

const attributes = {lang: 'en', 'iana.org/tag': 'x"y', objectId: 'in/a.csv'}

describe('a filter', () => {
  test.each([
    ['', true],
    ['attributes:lang', true],
    ['attributes:other', false],
    ['attributes.lang = "en"', true],
    ['attributes.lang="de"', false],
    ['attributes.lang != "de"', true],
    ['attributes.lang != "en"', false],
    ['attributes."iana.org/tag" = "x\\"y"', true],
    ['attributes:"iana.org/tag"', true],
    ['attributes.lang = "\\u0065\\x6e"', true],
    ['hasPrefix(attributes.objectId, "in/")', true],
    ['hasPrefix(attributes.objectId, "out/")', false],
    ['hasPrefix(attributes.other, "")', false],
    ['NOT attributes:other', true],
    ['-attributes:lang', false],
    ['attributes:lang AND attributes:objectId AND NOT attributes:x', true],
    ['attributes:x OR attributes:y OR attributes:lang', true],
    ['(attributes:x OR attributes:lang) AND NOT (attributes:y)', true],
  ])('%s', (filter, matches) => {
    expect(parseFilter(filter)(attributes)).toBe(matches)
  })

  test.each([
    ['attributes:a AND attributes:b OR attributes:c', 'position 30: expected parentheses around AND or OR'],
    ['attributes.lang = en', 'position 18: expected text in double quotes'],
    ['attributes.lang', 'position 15: expected "="'],
    ['lang = "en"', 'position 0: expected "attributes"'],
    ['attributes:a attributes:b', 'position 13: expected the end'],
    ['(attributes:a', 'position 13: expected ")"'],
    ['attributes:a & attributes:b', 'position 12: unexpected character'],
    ['attributes:', 'position 11: expected the key'],
    [`attributes:${'a'.repeat(250)}`, 'more than 256 bytes'],
  ])('%s is refused', (filter, reason) => {
    expect(() => parseFilter(filter)).toThrow(
      expect.objectContaining({status: 'INVALID_ARGUMENT', message: expect.stringContaining(reason)}),
    )
  })
})
