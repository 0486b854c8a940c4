/** What a header can be called: https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2 */
export const HEADER_NAME = /^[!#$%&'*+.^_`|~\w-]+$/
