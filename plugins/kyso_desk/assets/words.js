// The page's words, in the language the person reads.

const KEPT = "kyso-language";
const known = {};
let words = {};
let language = "vi";

export async function useLanguage(wanted, fetchWords) {
  if (!known[wanted]) known[wanted] = await fetchWords(wanted);
  words = known[wanted];
  language = wanted;
  localStorage.setItem(KEPT, wanted);
  document.documentElement.lang = wanted;
}

export function wishedLanguage(fallback) {
  const kept = localStorage.getItem(KEPT);
  return kept === "vi" || kept === "en" ? kept : fallback;
}

export function currentLanguage() {
  return language;
}

export function t(code, values = {}) {
  const pattern = words[code] ?? code;
  return pattern.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

// What the server says in both languages: {message_vi, message_en, next_vi, next_en}, or {vi, en}.
export function said(told, part = "message") {
  return told[`${part}_${language}`] ?? told[language] ?? "";
}

export function millimetres(value) {
  return value.toLocaleString(language === "vi" ? "vi-VN" : "en-GB", { maximumFractionDigits: 1 });
}

export function count(code, number) {
  return t(number === 1 ? `${code}_one` : code, { number });
}
