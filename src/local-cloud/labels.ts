/** Labels of Google's resources: https://cloud.google.com/resource-manager/docs/labels-overview#requirements */
export const LABEL_KEY = /^[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{N}_-]{0,62}$/u
export const LABEL_VALUE = /^[\p{Ll}\p{Lo}\p{N}_-]{0,63}$/u
export const MOST_LABELS = 64
