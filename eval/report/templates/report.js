const items=[...document.querySelectorAll(".question")],select=document.getElementById("filter"),
words=document.getElementById("words"),count=document.getElementById("count");
function show(){let n=0;const wanted=words.value.toLowerCase();for(const item of items){
const fits=(select.value==="all"||item.dataset.kind.split(" ").includes(select.value))&&item.textContent.toLowerCase().includes(wanted);
item.hidden=!fits;n+=fits}count.textContent=n+" questions"}
select.addEventListener("change",show);words.addEventListener("input",show);show();
