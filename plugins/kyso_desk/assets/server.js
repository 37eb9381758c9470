// Talking to the desk's own server. The key came in the address's fragment and leaves this tab in a header only.

const KEPT = "kyso-desk-key";

export class Refused extends Error {
  constructor(problem) {
    super(problem.code ?? "desk.unreachable");
    this.problem = problem;
  }
}

export function takeKey() {
  const given = location.hash.slice(1);
  if (/^[\w-]{40,}$/.test(given)) {
    sessionStorage.setItem(KEPT, given);
    history.replaceState(null, "", "/#/sign");
  }
  return sessionStorage.getItem(KEPT) ?? "";
}

function headers(extra = {}) {
  return {
    "X-Kyso-Desk": sessionStorage.getItem(KEPT) ?? "",
    "Accept-Language": document.documentElement.lang,
    ...extra,
  };
}

async function checked(response) {
  if (response.ok) return response;
  let problem = {};
  try {
    problem = await response.json();
  } catch {
    // No words came with it: the status alone has to do.
  }
  throw new Refused(problem);
}

export async function call(method, path, body, signal) {
  const options = { method, headers: headers(), signal, credentials: "same-origin" };
  if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers["Content-Type"] = "application/json";
  }
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused({});
  }
  return (await checked(response)).json();
}

export async function blob(path, signal) {
  let response;
  try {
    response = await fetch(path, { headers: headers(), signal, credentials: "same-origin" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refused({});
  }
  return (await checked(response)).blob();
}

export function upload(path, file, progress = () => {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `${path}${path.includes("?") ? "&" : "?"}name=${encodeURIComponent(file.name)}`);
    for (const [name, value] of Object.entries(headers())) request.setRequestHeader(name, value);
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => progress(event.loaded / Math.max(1, event.total)));
    request.addEventListener("load", () => {
      if (request.status < 300) resolve(request.response);
      else reject(new Refused(request.response ?? {}));
    });
    request.addEventListener("error", () => reject(new Refused({})));
    request.send(file);
  });
}

export async function save(path, name) {
  const content = await blob(path);
  const address = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

export async function openLetter(letter) {
  // The tab is opened first: a browser allows it only as the direct answer to a click.
  const tab = window.open("", "_blank");
  const { url } = await call("POST", `/api/letters/${letter.id}/ticket`);
  if (tab) {
    tab.opener = null;
    tab.location.href = url;
  } else {
    location.href = url;
  }
}
