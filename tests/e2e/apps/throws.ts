throw new Error('the app has no key\nand a second line');
