import { CANCELLED, DONE, ask, signLetter } from "/page/agent.js";

const address = new URLSearchParams(location.search).get("agent") ?? undefined;
const list = document.getElementById("letters");
const status = document.getElementById("status");

const OPERATIONS = [
  ["SignApproved", "Lãnh đạo ký"],
  ["SignIssued", "Văn thư phát hành"],
  ["SignAppendix", "Ký phụ lục"],
  ["SignCopy", "Ký bản sao"],
  ["SignIncome", "Đóng dấu đến"],
];

async function show() {
  const letters = await (await fetch("/letters")).json();
  list.replaceChildren(...letters.map(row));
}

function row(letter) {
  const item = document.createElement("li");
  const name = document.createElement("strong");
  name.textContent = letter.name;
  item.append(name);
  for (const [operation, label] of OPERATIONS) item.append(button(label, () => sign(operation, letter)));
  item.append(button("Kiểm tra", () => verify(letter)));
  const history = document.createElement("ol");
  for (const line of letter.history) {
    const entry = document.createElement("li");
    entry.textContent = line;
    history.append(entry);
  }
  item.append(history);
  return item;
}

function button(label, action) {
  const element = document.createElement("button");
  element.type = "button";
  element.textContent = label;
  element.addEventListener("click", action);
  return element;
}

async function sign(operation, letter) {
  status.textContent = "Đang chờ xác nhận trong cửa sổ của trình ký…";
  const more = { DocNumber: document.getElementById("number").value, IssuedDate: document.getElementById("issued").value };
  try {
    const answer = await signLetter(operation, letter, more, address);
    if (answer.Status === DONE) status.textContent = `Đã ký: ${answer.FileName}. ${answer.Message}`;
    else if (answer.Status === CANCELLED) status.textContent = "Người ký đã hủy.";
    else status.textContent = `Không ký được (${answer.Status}): ${answer.Message}`;
  } catch {
    status.textContent = "Không gọi được trình ký. Trình ký đã chạy và được trình duyệt tin cậy chưa?";
  }
  await show();
}

async function verify(letter) {
  try {
    const answer = await ask("VerifyPDF", { FileName: letter.file, SessionId: "" }, address);
    status.textContent = answer.Message;
  } catch {
    status.textContent = "Không gọi được trình ký.";
  }
}

show();
