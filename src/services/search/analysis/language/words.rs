//! The commonest words of each language: they tell languages apart, and say nothing about what is asked.

use super::Language;

/// Articles, pronouns, question words, greetings: case-folded, between spaces.
pub(super) const fn of(language: Language) -> &'static str {
    match language {
        Language::English => {
            "a an the and or but if of on in at to for from by with about as into is are was were be been am do \
             does did have has had i me my we us our you your he she it its they them their this that these those \
             there here what which who whom whose when where why how can could will would should shall may might \
             must not no yes so than then too very just please tell know want need get give any some much many \
             hi hello hey thanks thank s t ll re ve m d don"
        }
        Language::German => {
            "der die das den dem des ein eine einen einem einer eines und oder aber wenn von vom zu zum zur in im \
             an am auf bei mit nach aus für über um ist sind war waren sein bin bist hat haben habe hast ich mich \
             mir mein meine wir uns unser du dich dir dein deine er sie es ihr ihre ihren sich man dies diese \
             dieser dieses wer was wie wo wann warum welche welcher welches kann können könnte wird werden würde \
             soll muss nicht kein keine ja nein so auch noch nur sehr bitte denn gibt es hallo danke als dass"
        }
        Language::Spanish => {
            "el la los las lo un una unos unas y e o u pero si de del a al en con por para sobre como es son era \
             eran ser está están estoy hay ha han he tengo tiene tienen yo me mi mis nosotros nos tú te tu tus \
             usted ustedes él ella ellos ellas se su sus este esta estos estas ese esa eso esto aquí allí qué que \
             quién cuál cuáles cuándo cuando dónde donde cómo cuánto cuánta cuántos puede puedo pueden no sí muy \
             más también ya hola gracias favor"
        }
        Language::French => {
            "le la les l un une des du de d et ou mais si à au aux en dans avec pour par sur comme est sont était \
             être ai as a avons avez ont je j me m mon ma mes nous notre nos tu te ton ta tes vous votre vos il \
             elle ils elles se s son sa ses leur leurs ce cet cette ces ça qui que qu quoi quel quelle quels \
             quelles quand où comment combien pourquoi peut peux pouvez ne pas n non oui très plus aussi y \
             bonjour merci"
        }
        Language::Portuguese => {
            "o a os as um uma uns umas e ou mas se de do da dos das em no na nos nas com por para pelo pela sobre \
             como é são era ser está estão estou há tem têm tenho eu me meu minha nós nosso nossa tu te teu tua \
             você vocês ele ela eles elas seu sua seus suas este esta isto esse essa isso aqui que quem qual \
             quais quando onde quanto quantos pode posso podem não sim muito mais também já olá obrigado"
        }
        Language::Italian => {
            "il lo la i gli le l un uno una e o ma se di del della dei delle dello degli a al alla ai in nel \
             nella con per su sul sulla da dal dalla come è sono era essere ho hai ha abbiamo hanno io mi mio mia \
             noi ci nostro tu ti tuo tua voi vi vostro lui lei loro si suo sua questo questa questi queste quello \
             che chi cosa quale quali quando dove quanto quanti perché può posso non sì molto più anche già ciao \
             grazie"
        }
        Language::Dutch => {
            "de het een en of maar als van voor op in aan bij met naar uit over om te tot is zijn was waren ben \
             bent heb hebt heeft hebben ik mij me mijn wij we ons onze jij je jou jouw u uw hij zij ze er hun zich \
             dit dat deze die wie wat waar wanneer hoe waarom welke welk kan kunnen kunt zal zou moet niet geen ja \
             nee ook nog heel alstublieft hallo bedankt"
        }
        Language::Turkish => {
            "ve veya ile için bir bu şu o ben sen biz siz onlar benim senin bizim sizin onun bana sana bize size \
             mi mı mu mü ne nedir kim hangi nerede nereye nasıl niçin neden kaç zaman var yok mıdır midir da de \
             ki gibi kadar çok daha en değil evet hayır olan olarak olur lütfen merhaba teşekkürler"
        }
        Language::Swedish => {
            "en ett den det de och eller men om av för på i till från med hos är var vara har hade jag mig min \
             mitt mina vi oss vår du dig din ditt ni er han hon den dem deras sig detta denna dessa vem vad vilken \
             vilket när var hur varför kan ska skulle inte ingen ja nej också mycket hej tack att som"
        }
        Language::Russian => {
            "и или но если в во на с со к ко о об от до из у за по для при без как что кто где когда почему \
             зачем сколько какой какая какие какое чей я мне меня мой моя мы нам нас наш ты тебе тебя вы вам вас \
             ваш ваша ваши он она оно они его её ее их это этот эта эти тот та те есть был была были быть не нет \
             да ли же бы можно может могу очень ещё еще уже пожалуйста привет здравствуйте спасибо"
        }
        Language::Greek => {
            "ο η το οι τα του τησ των τον την και ή αλλά αν σε στο στη στην στον στα από με για είναι ήταν έχω \
             έχει έχετε εγώ εσύ εμείσ εσείσ αυτόσ αυτή αυτό μου σου μασ σασ τι ποιοσ ποια ποιο πότε πού που πώσ \
             πόσο πόσα γιατί μπορώ μπορεί δεν όχι ναι πολύ να θα"
        }
        Language::Arabic => {
            "في من على إلى الى عن مع هذا هذه ذلك تلك هو هي هم أنا انا نحن أنت انت أنتم لكم لي لنا ما ماذا متى \
             أين اين كيف كم هل لماذا من أي اي الذي التي و أو او لا نعم ليس كان كانت يكون يوجد عند قد ثم إن ان أن \
             مرحبا شكرا"
        }
        Language::Persian => {
            "و یا در به از با برای تا که را این آن من تو او ما شما آنها ایشان است هست هستند بود باشد می چه چی چیست \
             کی کجا کجاست چرا چطور چگونه چند چقدر آیا کدام نه بله هم اگر ولی اما ها های شد شود دارد دارید دارم \
             سلام مرسی ممنون لطفا"
        }
        Language::Danish => {
            "en et den det de og eller men om af for på i til fra med hos er var har havde jeg mig min mit mine vi os vores du \
             dig din dit I jer er han hun dem deres sig denne dette disse hvem hvad hvilken hvilket hvornår hvor hvordan \
             hvorfor kan skal skulle ikke ingen ja nej også meget hej tak at som der ved være blive bliver"
        }
        Language::Norwegian => {
            "en et ei den det de og eller men om av for på i til fra med hos er var har hadde jeg meg min mitt mine vi oss vår \
             du deg din ditt dere han hun dem deres seg denne dette disse hvem hva hvilken hvilket når hvor hvordan hvorfor \
             kan skal skulle ikke ingen ja nei også veldig hei takk å at som der ved være blir"
        }
        Language::Finnish => {
            "ja tai mutta jos että kun on oli ovat olen olet olemme olette ei en et emme ette eivät minä minun minua sinä sinun \
             sinua hän hänen me meidän te teidän he heidän se sen siitä tämä tämän nämä nuo mikä mitä missä mistä mihin \
             milloin miten miksi kuka kuinka paljon voi voin voiko saa saako kyllä myös vain vielä hei kiitos sekä niin kuin"
        }
        Language::Hungarian => {
            "a az egy és vagy de ha hogy nem is van vannak volt lesz én engem nekem te neked ő mi nekünk ti ők ez azt ezt azok \
             ezek ki mit milyen melyik mikor hol hova hová honnan hogyan miért mennyi mennyibe lehet kell tud tudok tudom \
             igen csak már még nagyon kérem szia köszönöm meg el fel"
        }
        Language::Romanian => {
            "un o niște și sau dar dacă de la din în pe cu pentru prin despre ca este e sunt era fi am ai are avem aveți au eu \
             mă mie meu mea noi ne nostru tu te tău ta voi vă el ea ei ele se său sa lui acest această acești ce cine care \
             când unde cum cât câți câte pot poate puteți nu da foarte mai și bună mulțumesc"
        }
        Language::Tamil => "",
        Language::Other => "",
    }
}
