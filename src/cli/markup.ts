/** HTML out of templates: everything that is filled in is escaped, unless it is markup of ours. */

export class Markup {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

type Filling = Markup | string | number | undefined | readonly Markup[]

/** `markup\`<td>${name}</td>\``: fit for text and for attribute values in double quotes. */
export function markup(pieces: TemplateStringsArray, ...fillings: readonly Filling[]): Markup {
  return new Markup(pieces.map((piece, index) => piece + textOf(fillings[index])).join(''))
}

function textOf(filling: Filling): string {
  if (filling === undefined) return ''
  if (filling instanceof Markup) return filling.text
  if (typeof filling === 'object') return filling.map(({ text }) => text).join('')
  return escapeMarkup(String(filling))
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
}

/** Controls and marks that reorder what is seen become visible as well. */
function escapeMarkup(text: string): string {
  return text
    .replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, '\ufffd')
    .replaceAll(/[&<>"'`]/g, (char) => ESCAPES[char] ?? '')
}
